"""A config file as plain values, with the place of every key in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wrangler_compat.config.jsonc import parse_jsonc
from wrangler_compat.config.toml import parse_toml
from wrangler_compat.diagnostics import Diagnostics, KeyPath, Position
from wrangler_compat.source import SourceText, TextError, read_source

__all__ = ["CONFIG_NAMES", "ConfigDocument", "find_config", "read_document"]

CONFIG_NAMES = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")
"""The names of config files; an earlier one wins over a later one in the same folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDocument:
    """What a config file says, before any key has been looked at.

    `headers` are the tables that have a header of their own, which only TOML knows.
    """

    path: Path
    source: SourceText
    data: Mapping[str, Any]
    offsets: Mapping[KeyPath, int]
    headers: frozenset[KeyPath] = frozenset()

    @property
    def is_toml(self) -> bool:
        """Whether the file is TOML, where a key belongs to the table header above it."""
        return self.path.suffix == ".toml"

    def position(self, path: KeyPath) -> Position:
        """Return where a key stands; for one that is not there, where what it misses in does."""
        found = path
        while found and found not in self.offsets:
            found = found[:-1]
        return self.source.position(self.offsets.get(found, 0), path)


def find_config(folder: Path, report: Diagnostics | None = None) -> Path | None:
    """Return the config file of a folder, or None; files that lose to it are reported."""
    found = [folder / name for name in CONFIG_NAMES if os.path.isfile(folder / name)]
    if len(found) > 1 and report is not None:
        others = " and ".join(path.name for path in found[1:])
        report.add_warning(
            f"{folder} has more than one config file: {found[0].name} is used, {others} "
            f"{'is' if len(found) == 2 else 'are'} ignored. Delete what you do not need."
        )
    return found[0] if found else None


def read_document(path: Path, report: Diagnostics) -> ConfigDocument | None:
    """Read a file: TOML by its suffix, anything else as JSON with comments.

    Returns None where the file cannot be read or breaks its syntax; the report says where.
    """
    source = read_source(path, report)
    if source is None:
        return None
    headers: frozenset[KeyPath] = frozenset()
    try:
        if path.suffix == ".toml":
            data, offsets, headers = parse_toml(source)
        else:
            data, offsets = parse_jsonc(source, report)
    except TextError as error:
        report.add_error(error.text, source.position(error.offset))
        return None
    return ConfigDocument(path=path, source=source, data=data, offsets=offsets, headers=headers)
