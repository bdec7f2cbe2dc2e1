"""Secrets that git has: found out by asking git itself."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from wrangler_compat import Diagnostics, Position, WorkerConfig
from wrangler_compat.source import display_path

__all__ = ["warn_of_tracked_secrets"]

_FILE = ".dev.vars"
# A repository on a slow disk must not hold up anybody.
_PATIENCE_S = 2.0


def warn_of_tracked_secrets(configs: Iterable[WorkerConfig], report: Diagnostics) -> None:
    """Report each file of local secrets that git tracks; says nothing where there is no git.

    Runs git once a folder that has such a file: not for the event loop's thread.
    """
    names: dict[Path, set[str]] = {}
    for config in configs:
        environments = {*config.defined_environments, config.target_environment or ""}
        files = {_FILE, *(f"{_FILE}.{env}" for env in environments if env)}
        present = {name for name in files if (config.folder / name).is_file()}
        if present:
            names.setdefault(config.folder, set()).update(present)
    git = shutil.which("git") if names else None
    if git is None:
        return
    for folder, files in names.items():
        for name in sorted(_tracked(git, folder, files)):
            file = display_path(folder / name)
            report.add_warning(
                f'"{file}" is tracked by git: whoever has the repository has the secrets in it.\n'
                f"Take it out with `git rm --cached {shlex.quote(file)}`, add it to .gitignore, "
                "and change what was secret in it.",
                Position(file, 1, 1),
            )


def _tracked(git: str, folder: Path, names: Iterable[str]) -> list[str]:
    # A hook of git's runs with variables that name its own repository and index.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Without fsmonitor, which is a program of the repository's choice.
    command = [git, "-c", "core.fsmonitor=false", "ls-files", "-z", "--", *names]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
