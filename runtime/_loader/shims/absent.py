"""The error for what only a JavaScript engine has."""

from collections.abc import Mapping

__all__ = ["absent_name"]


def absent_name(
    module: str, name: str, ways: Mapping[str, str], default: str
) -> ImportError | AttributeError:
    """Return the error for `module.name`, with the native way to do the same.

    It is an ImportError, so that `from module import name` reads right too; for a dunder name,
    which the import system and inspection ask for, it is an AttributeError.
    """
    if name.rpartition(".")[2].startswith("__"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    return ImportError(
        f"{module}.{name} has no native equivalent here: {ways.get(name, default)}", name=module
    )
