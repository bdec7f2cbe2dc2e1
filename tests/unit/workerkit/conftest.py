"""Route packages as files, imported as plain Python does and as the runtime does."""

import importlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from runtime._loader.isolate import Isolate, install_import_system
from workerkit import Router
from workers import Request, Response
from workers.request import incoming_request

ImportPackage = Callable[[dict[str, str]], ModuleType]
Ask = Callable[..., Awaitable[Response]]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def import_isolated(tmp_path: Path) -> Iterator[Callable[[dict[str, str], str], ModuleType]]:
    """Write files into a worker's folder and import a module of it, isolated as in the runtime."""
    uninstall = install_import_system(lambda: None)
    isolates: list[Isolate] = []

    def load(files: dict[str, str], name: str) -> ModuleType:
        write(tmp_path, files)
        isolates.append(Isolate("demo-worker", [tmp_path]))
        return isolates[-1].import_module(name)

    yield load
    for isolate in isolates:
        isolate.close()
    uninstall()


@pytest.fixture
def import_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, str], str], ModuleType]]:
    """Write files and import a module of them as any Python program does."""
    before = set(sys.modules)

    def load(files: dict[str, str], name: str) -> ModuleType:
        write(tmp_path, files)
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.pop("routes", None)


@pytest.fixture(params=["plain", "isolated"])
def import_routes(request: pytest.FixtureRequest) -> ImportPackage:
    """Write the modules of a package `routes` and import it, in either world."""
    load = request.getfixturevalue(f"import_{request.param}")

    def import_package(modules: dict[str, str]) -> ModuleType:
        files = {f"routes/{name}.py": text for name, text in modules.items()}
        return load({"routes/__init__.py": "", **files}, "routes")

    return import_package


@pytest.fixture
def ask() -> Ask:
    """Send a request: `await ask(router, "/path", "PUT", raw=…)`; a raw path is not normalised."""

    async def send(
        router: Router, path: str, method: str = "GET", *, raw: bool = False, env: object = None
    ) -> Response:
        url = f"https://shop.example{path}"
        request = incoming_request(method, url, lambda: ()) if raw else Request(url, method=method)
        return await router.handle(request, env)

    return send
