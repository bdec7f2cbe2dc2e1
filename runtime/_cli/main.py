"""The command's frame: what must hold before any command, and how errors are told."""

import sys
from importlib.metadata import packages_distributions
from typing import NoReturn

from runtime.errors import HostError, SdkClashError

__all__ = ["INTERRUPTED", "main", "require_own_sdk"]

# What shells report for a process that Ctrl-C has ended.
INTERRUPTED = 130

_DISTRIBUTION = "edgestead"


def main() -> NoReturn:
    """Run the command line; errors of ours are a message and an exit code, never a traceback."""
    try:
        require_own_sdk(packages_distributions().get("workers", []))
        # Imported after the check: with a foreign `workers` in place the import itself would fail.
        from runtime._cli.app import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except HostError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    sys.exit(0)


def require_own_sdk(distributions: list[str]) -> None:
    """Raise SdkClashError where another distribution provides the import name `workers`.

    pip overwrites files of the same path without a word, and uninstalling the other distribution
    then deletes ours: both must go, and ours be installed again.
    """
    others = sorted(set(distributions) - {_DISTRIBUTION})
    if others:
        names = ", ".join(others)
        verbs = "is installed in this environment and provides"
        if len(others) > 1:
            verbs = "are installed in this environment and provide"
        raise SdkClashError(
            f"{names} {verbs} the import name `workers`, as edgestead does; "
            "each overwrites the other's files.\n"
            "Give edgestead an environment of its own, or mend this one with:\n"
            f"  pip uninstall {' '.join(others)}\n"
            "  pip install --force-reinstall --no-deps edgestead"
        )
