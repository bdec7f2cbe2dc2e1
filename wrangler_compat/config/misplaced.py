"""Keys that a TOML file has below the wrong table header, where they mean something else."""

from typing import Any

from wrangler_compat.config.fields import misplaced_hint, place_label
from wrangler_compat.config.reader import ConfigDocument
from wrangler_compat.diagnostics import Diagnostics, KeyPath

__all__ = ["warn_misplaced"]

_OPEN_TABLES = ("vars", "define", "alias", "data_blobs", "text_blobs", "wasm_modules")
"""Tables that take any name, so that a key of the configuration is no unknown field in them."""


def warn_misplaced(document: ConfigDocument, prefix: KeyPath, report: Diagnostics) -> None:
    """Report keys of an environment that stand in a table which takes them for names of its own."""
    roots = [(*prefix, table) for table in _OPEN_TABLES]
    headers = [path for path in document.headers if path[: len(prefix) + 1] in roots]
    # Who gives a key a header of its own, or a table within it, means it.
    meant = {path[:length] for path in headers for length in range(len(path) + 1)}
    for header in sorted(headers, key=lambda path: document.offsets[path]):
        for name, value in _at(document, header).items():
            path = (*header, name)
            hint = misplaced_hint(document, path, value)
            if hint is not None and path not in meant:
                table = header[len(prefix)]
                meaning = "is a variable" if table == "vars" else f'belongs to "{table}"'
                report.add_warning(
                    f'"{name}" stands below [{place_label(header)}], so it {meaning} and not the '
                    f'"{name}" of the configuration.\n{hint}',
                    document.position(path),
                )


def _at(document: ConfigDocument, path: KeyPath) -> Any:
    value: Any = document.data
    for part in path:
        value = value[part]
    return value
