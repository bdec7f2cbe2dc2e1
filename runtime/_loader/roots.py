"""The folders that a worker imports from."""

import tomllib
from pathlib import Path

__all__ = ["dependencies_of", "import_roots", "read_pyproject"]


def import_roots(main: Path, folder: Path) -> list[Path]:
    """Return the import roots of the worker whose main module is `main`, first wins.

    They are the folder of `main`, `python_modules/` beside the config or beside `main`, and the
    path sources that the worker's `pyproject.toml` names under `[tool.uv.sources]`: a package
    that several workers share, as uv and pywrangler understand it. Raises OSError or ValueError
    where that file cannot be read.
    """
    candidates = [main.parent, folder / "python_modules", main.parent / "python_modules"]
    for source in _path_sources(folder):
        candidates += [source / "src"] if (source / "src").is_dir() else [source]
    return list(dict.fromkeys(path.resolve() for path in candidates if path.is_dir()))


def dependencies_of(folder: Path) -> list[str]:
    """Return the requirements that the worker's `pyproject.toml` declares; none where it cannot."""
    try:
        project = read_pyproject(folder).get("project")
    except (OSError, ValueError):
        return []
    declared = project.get("dependencies") if isinstance(project, dict) else None
    return [str(item) for item in declared] if isinstance(declared, list) else []


def read_pyproject(folder: Path) -> dict[str, object]:
    """Return the worker's `pyproject.toml`, empty where it has none.

    Raises OSError or ValueError where it cannot be read.
    """
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _path_sources(folder: Path) -> list[Path]:
    table: object = read_pyproject(folder)
    for key in ("tool", "uv", "sources"):
        table = table.get(key) if isinstance(table, dict) else None
    sources = table.values() if isinstance(table, dict) else ()
    paths = [source.get("path") for source in sources if isinstance(source, dict)]
    return [folder / path for path in paths if isinstance(path, str)]
