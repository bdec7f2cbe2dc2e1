"""Isolated module sets: one worker version's modules, invisible to every other.

Each isolate's modules live in `sys.modules` under a private package name, and their code runs with
`__builtins__` of its own, whose `__import__` looks first in the isolate's roots and then in the
ordinary import system. `__name__` is the private dotted name, so dataclasses, pickle and typing,
which look modules up by name, work. Third-party packages are ordinary and shared.
"""

import builtins
import importlib
import importlib.util
import itertools
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, ModuleType

__all__ = ["NAMESPACE", "Isolate", "install_import_system", "isolate_of_frame", "worker_of_module"]

NAMESPACE = "edgestead_isolate"

# Always the runtime's own, whatever lies in a worker's folders: Cloudflare's tools vendor their SDK
# into python_modules/, and that one needs a JavaScript engine.
_OURS = frozenset({"js", "pyodide", "workers"})
_VENDORED = "python_modules"
_SHIMS: Mapping[str, str] = {
    "asgi": "workers.asgi",
    "js": "runtime._loader.shims.js",
    "pyodide": "runtime._loader.shims.pyodide",
    "pyodide.ffi": "runtime._loader.shims.pyodide_ffi",
    "pyodide.http": "runtime._loader.shims.pyodide_http",
}

_versions = itertools.count(1)


class Isolate:
    """The module set of one version of one worker."""

    __slots__ = (
        "__weakref__",
        "_builtins",
        "_closed",
        "_kept",
        "_local",
        "_reopening",
        "package",
        "roots",
        "worker",
    )

    def __init__(self, worker: str, roots: Sequence[Path]) -> None:
        """Prepare an empty module set that imports from `roots`, in their order."""
        self.worker = worker
        self.roots = [str(root) for root in roots]
        safe_name = re.sub(r"\W", "_", worker)
        self.package = f"{NAMESPACE}.{safe_name}.v{next(_versions)}"
        self._local: dict[str, bool] = {}
        self._closed = False
        # The modules of a closed set; None while they stand in sys.modules.
        self._kept: dict[str, ModuleType] | None = None
        self._reopening = threading.RLock()
        self._builtins = dict(vars(builtins)) | {"__import__": self._import}
        self._register_packages()

    def import_module(self, name: str) -> ModuleType:
        """Import `name` from the isolate's roots and return its module."""
        with self._in_place():
            return self._importing(f"{self.package}.{name}")

    def provides(self, name: str) -> bool:
        """Tell whether the top-level package of the dotted `name` comes from the roots."""
        top = name.partition(".")[0]
        known = self._local.get(top)
        if known is None:
            known = self._local[top] = self._search(top)
        return known

    def close(self) -> None:
        """Take the module set out of the process.

        Code of it that still runs keeps its modules, and may import further ones.
        """
        if not self._closed:
            self._closed = True
            self._kept = self._withdraw()

    def spec_for(self, name: str, path: Sequence[str]) -> ModuleSpec | None:
        """Find the module of the private dotted `name` on `path`, to be run isolated."""
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        if isinstance(spec.loader, SourceFileLoader) and spec.origin is not None:
            vendored = _VENDORED in Path(spec.origin).parts
            spec.loader = _IsolatedLoader(name, spec.origin, self._builtins, cached=vendored)
        return spec

    def _register_packages(self) -> None:
        importlib.invalidate_caches()
        parts = self.package.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name not in sys.modules:
                package = ModuleType(name)
                package.__path__ = []
                sys.modules[name] = package
        sys.modules[self.package].__path__ = self.roots
        _isolates[self.package] = self

    def _withdraw(self) -> dict[str, ModuleType]:
        prefix = self.package + "."
        # A list first: another thread may be importing.
        names = [name for name in list(sys.modules) if name.startswith(prefix)]
        _isolates.pop(self.package, None)
        return {name: sys.modules.pop(name) for name in (*names, self.package)}

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """Put a closed set back for the length of an import."""
        if not self._closed:
            yield
            return
        with self._reopening:
            kept, self._kept = self._kept, None
            if kept is None:
                # An import within an import.
                yield
                return
            sys.modules.update(kept)
            _isolates[self.package] = self
            try:
                yield
            finally:
                self._kept = self._withdraw()

    def _search(self, top: str) -> bool:
        if top in _OURS:
            return False
        spec = PathFinder.find_spec(top, self.roots)
        if spec is None:
            return False
        if spec.origin is not None:
            return top not in _SHIMS or _VENDORED not in Path(spec.origin).parts
        # A folder without __init__.py counts only where no real package has that name.
        return top not in sys.builtin_module_names and importlib.util.find_spec(top) is None

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What an `import` statement in the isolate's code calls."""
        if self._closed:
            with self._in_place():
                return self._import_now(name, globals, locals, fromlist, level)
        return self._import_now(name, globals, locals, fromlist, level)

    def _import_now(
        self,
        name: str,
        globals: Mapping[str, object] | None,
        locals: Mapping[str, object] | None,
        fromlist: Sequence[str] | None,
        level: int,
    ) -> ModuleType:
        if level == 0:
            if self.provides(name):
                return self._import_local(name, fromlist)
            top = name.partition(".")[0]
            if top in _SHIMS:
                module = _import_shim(name)
                return module if fromlist else _import_shim(top)
        try:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        except ImportError as error:
            raise self._with_public_name(error) from None

    def _import_local(self, name: str, fromlist: Sequence[str] | None) -> ModuleType:
        private = f"{self.package}.{name}"
        module = self._importing(private)
        if fromlist:
            # The ordinary import system imports submodules that `from package import x` names.
            return builtins.__import__(private, None, None, fromlist, 0)
        top = name.partition(".")[0]
        return module if top == name else sys.modules[f"{self.package}.{top}"]

    def _importing(self, private: str) -> ModuleType:
        try:
            return importlib.import_module(private)
        except ImportError as error:
            raise self._with_public_name(error) from None

    def _with_public_name(self, error: ImportError) -> ImportError:
        """Take the private package out of the message: the author never wrote it."""
        prefix = self.package + "."
        if error.name is not None and error.name.startswith(prefix):
            error.name = error.name.removeprefix(prefix)
        error.msg = str(error.msg).replace(prefix, "")
        error.args = (error.msg,)
        return error


class _IsolatedLoader(SourceFileLoader):
    """Runs a module's source with the isolate's builtins."""

    def __init__(
        self, name: str, path: str, isolate_builtins: dict[str, object], *, cached: bool
    ) -> None:
        super().__init__(name, path)
        self._builtins = isolate_builtins
        self._cached = cached

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile the source; only vendored packages use bytecode files.

        Bytecode files are matched by a time in whole seconds and a size, so two quick saves of one
        file could run the older one.
        """
        if self._cached:
            return super().get_code(fullname)
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._builtins
        super().exec_module(module)


class _IsolateFinder:
    """The `sys.meta_path` entry that serves the private names."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(NAMESPACE + ".") or path is None:
            return None
        isolate = _isolates.get(".".join(fullname.split(".", 3)[:3]))
        return None if isolate is None else isolate.spec_for(fullname, path)


# The import system of CPython is process-wide, so what it must find again is too.
_isolates: dict[str, Isolate] = {}


def worker_of_module(name: object) -> str | None:
    """Return the worker whose isolate holds the module of that dotted name."""
    if not isinstance(name, str) or not name.startswith(NAMESPACE + "."):
        return None
    isolate = _isolates.get(".".join(name.split(".", 3)[:3]))
    return None if isolate is None else isolate.worker


def isolate_of_frame(frame: FrameType) -> Isolate | None:
    """Return the isolate whose code runs in `frame`, a closed one too."""
    owner = getattr(frame.f_builtins.get("__import__"), "__self__", None)
    return owner if isinstance(owner, Isolate) else None


def install_import_system(current: Callable[[], Isolate | None]) -> Callable[[], None]:
    """Teach this process to import isolated modules; return what takes it out again.

    `current` names the isolate of the running invocation: `importlib.import_module("name")`, as
    frameworks call it from code of their own, is answered for that worker.
    """
    original = importlib.import_module

    def import_module(name: str, package: str | None = None) -> ModuleType:
        if not name.startswith("."):
            isolate = None if name.startswith(NAMESPACE) else current()
            if isolate is not None:
                if isolate.provides(name):
                    return isolate.import_module(name)
                if name.partition(".")[0] in _SHIMS:
                    return _import_shim(name)
        return original(name, package)

    finder = _IsolateFinder()
    sys.meta_path.insert(0, finder)
    importlib.import_module = import_module

    def uninstall() -> None:
        sys.meta_path.remove(finder)
        if importlib.import_module is import_module:
            importlib.import_module = original

    return uninstall


def _import_shim(name: str) -> ModuleType:
    target = _SHIMS.get(name)
    if target is None:
        raise ImportError(f"{name} has no native equivalent here: it is part of Pyodide", name=name)
    return importlib.import_module(target)
