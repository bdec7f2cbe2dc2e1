"""Arguments and options that more than one command takes."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["Configs", "Paths"]

Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Config files, worker folders, or folders of worker folders; "
        "default: this folder, else its workers/*/.",
    ),
]
"""Where the configs are."""

Configs: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--config", "-c", help="A config file; may be repeated.")
]
"""Config files by name."""
