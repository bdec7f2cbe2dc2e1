"""The import rules of the design, checked over every module's source."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIT = ROOT / "workers" / "kit" / "src" / "workerkit"


def packages_under(folder: Path) -> dict[str, Path]:
    """Return the packages that a worker folder, or one that workers share, provides."""
    return {init.parent.name: init.parent for init in folder.glob("src/*/__init__.py")}


def path_sources(folder: Path) -> Iterator[str]:
    """Yield the packages of the folders that a worker names as path sources."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    for source in project.get("tool", {}).get("uv", {}).get("sources", {}).values():
        yield from packages_under(folder / source["path"])


# Worker folders, and what they share: all but the kit, which is part of the wheel.
WORKER_FOLDERS = {
    file.parent for file in ROOT.glob("workers/*/pyproject.toml") if file.parent.name != "kit"
}
WORKER_PACKAGES = {
    name: (folder, package)
    for folder in WORKER_FOLDERS
    for name, package in packages_under(folder).items()
}
PACKAGES = {
    "kvstore": ROOT / "kvstore",
    "runtime": ROOT / "runtime",
    "workerkit": KIT,
    "workers": ROOT / "workers",
    "wrangler_compat": ROOT / "wrangler_compat",
    **{name: package for name, (_, package) in WORKER_PACKAGES.items()},
}
ALLOWED = {
    "kvstore": {"kvstore"},
    "runtime": {"kvstore", "runtime", "workers", "wrangler_compat"},
    "workerkit": {"workerkit", "workers"},
    "workers": {"workers"},
    "wrangler_compat": {"wrangler_compat"},
    **{
        name: {name, "workerkit", "workers", *path_sources(folder)}
        for name, (folder, _) in WORKER_PACKAGES.items()
    },
}
# What worker code may use beside that: it also runs where there are no threads, files or sockets.
WORKER_THIRD_PARTIES = {"cryptography", "jwt", "pydantic"}
NOT_FOR_WORKERS = {
    *("ctypes", "fcntl", "http.client", "http.server", "mmap", "multiprocessing", "pathlib"),
    *("selectors", "shutil", "signal", "socket", "socketserver", "sqlite3", "ssl", "subprocess"),
    *("tempfile", "threading", "urllib.request"),
}
# The one private module that another package may import: the SDK's way down to the runtime.
PRIVATE_BY_DESIGN = {("runtime", "workers._host")}
# Inside runtime, what each layer may import of the layers above plugins.
LAYERS = {
    "_loader": {"_loader"},
    "_registry": {"_registry"},
    "_dispatch": {"_dispatch", "_loader", "_registry"},
    "_http": {"_dispatch", "_http", "_loader", "_registry"},
    "_dev": {"_dev", "_dispatch", "_http", "_loader", "_registry"},
    "_cli": {"_cli", "_dev", "_dispatch", "_http", "_loader", "_registry"},
}
ONLY_IN = {
    "aiohttp": ("runtime/_http/", "wrangler_compat/api/"),
    "plyvel": ("kvstore/engines/leveldb.py",),
}


def modules() -> Iterator[tuple[str, str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if package == "workers" and len(parts) > 1:
                # Beside the SDK stand the worker folders, which are no part of it.
                continue
            name = ".".join((package, *parts)).removesuffix(".__init__")
            yield package, name, path


MODULES = list(modules())


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def broken_rules(rule: str) -> list[str]:
    found = []
    for package, _, path in MODULES:
        for target, line in imports_of(path):
            top = target.partition(".")[0]
            if rule == "packages" and top in PACKAGES and top not in ALLOWED[package]:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {target}")
            if rule == "private" and top in PACKAGES and top != package:
                private = re.match(r"([a-z_]+(?:\.[a-z]\w*)*\.(_[a-z]\w*))(\.|$)", target)
                if private and (package, private[1]) not in PRIVATE_BY_DESIGN:
                    found.append(f"{path.relative_to(ROOT)}:{line} imports {target}")
            if rule == "only_in" and top in ONLY_IN:
                place = path.relative_to(ROOT).as_posix()
                if not place.startswith(ONLY_IN[top]):
                    found.append(f"{place}:{line} imports {target}")
    return found


@pytest.mark.parametrize("rule", ["packages", "private", "only_in"])
def test_modules_import_only_what_the_design_allows(rule: str) -> None:
    assert broken_rules(rule) == []


def test_worker_code_imports_only_what_there_is_on_cloudflare_too() -> None:
    assert {"customer_api", "identity"} <= WORKER_PACKAGES.keys()
    found = []
    for package, _, path in MODULES:
        if package not in WORKER_PACKAGES:
            continue
        known = ALLOWED[package] | WORKER_THIRD_PARTIES | sys.stdlib_module_names
        for target, line in imports_of(path):
            if target.partition(".")[0] not in known or target in NOT_FOR_WORKERS:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {target}")

    assert found == []


def test_layers_of_the_runtime_import_downwards_only() -> None:
    found = []
    for package, module, path in MODULES:
        if package != "runtime":
            continue
        layer = module.split(".")[1] if "." in module else ""
        for target, line in imports_of(path):
            parts = target.split(".")
            if parts[0] != "runtime" or len(parts) < 2 or not parts[1].startswith("_"):
                continue
            if parts[1] not in LAYERS.get(layer, set()) and layer != "__main__":
                found.append(f"{path.relative_to(ROOT)}:{line} imports {target}")

    assert found == []


def test_bindings_import_the_plugin_seam_and_no_sibling() -> None:
    found = []
    for _, module, path in MODULES:
        if not module.startswith("runtime.bindings."):
            continue
        kind = module.split(".")[2]
        for target, line in imports_of(path):
            own = target.startswith((f"runtime.bindings.{kind}", "runtime.plugins"))
            if target.startswith("runtime") and not own:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {target}")

    assert found == []


def test_a_kinds_name_stands_in_its_own_folder_only() -> None:
    from runtime._registry import Registry

    found = []
    for kind in Registry.discover().kinds:
        owners = {
            path
            for _, module, path in MODULES
            if module.startswith("runtime.bindings.") and f'"{kind}"' in path.read_text()
        }
        for package, module, path in MODULES:
            if package == "runtime" and path not in owners:
                literals = {
                    node.value
                    for node in ast.walk(ast.parse(path.read_text()))
                    if isinstance(node, ast.Constant)
                }
                if kind in literals:
                    found.append(f"{module} names {kind}")
        assert len(owners) == 1, f"{kind} is named by {owners}"

    assert found == []


def test_modules_stay_short_and_functions_shorter() -> None:
    too_long = []
    for _, _, path in MODULES:
        source = path.read_text()
        code_lines = [line for line in source.splitlines() if line.strip()]
        if len(code_lines) > 400:
            too_long.append(f"{path.relative_to(ROOT)} has {len(code_lines)} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                if length > 50:
                    too_long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length}")

    assert too_long == []


def test_every_public_module_has_a_sorted_all() -> None:
    wrong = []
    for _, module, path in MODULES:
        if any(part.startswith("_") for part in module.split(".")) or path.name == "__init__.py":
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = ast.literal_eval(node.value)
                if names != sorted(names):
                    wrong.append(f"{module}: __all__ is not sorted")
                break
        else:
            wrong.append(f"{module}: no __all__")

    assert wrong == []
