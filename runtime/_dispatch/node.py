"""A node: the workers of one process, their routes, and the kinds that they share."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from runtime._dispatch.bindings import bind_env
from runtime._dispatch.invocation import count_subrequest, current_isolate
from runtime._dispatch.kinds import OpenKinds
from runtime._dispatch.loading import load_main
from runtime._dispatch.outbound import Outbound, follow_redirects
from runtime._dispatch.view import bindings_of, option_of, raw_bindings_of, triggers_of
from runtime._dispatch.watchdog import Watchdog
from runtime._dispatch.worker import BrokenWorker, Worker, WorkerSlot
from runtime._loader.isolate import install_import_system
from runtime._loader.load import open_isolate
from runtime._registry import Registry
from runtime.errors import NoWorkerError, WorkerLoadError
from runtime.plugins import BindingPlugin, Mode, RawBinding, RawTrigger
from workers import Request, Response
from wrangler_compat import RouteTable, WorkerConfig

__all__ = ["LoadReport", "Node", "NodeOptions"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What the composition root decides for a node.

    `load_timeout_s` is how long module code may take, `wait_until_s` how long work handed to
    `waitUntil` may go on after the response, and `retire_s` how long a version that was replaced
    waits for what still runs on it.
    """

    mode: Mode
    data_dir: Path
    environ: Mapping[str, str]
    clock: Callable[[], float] = time.time
    load_timeout_s: float = 30.0
    wait_until_s: float = 30.0
    retire_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """How loading one worker went."""

    worker: str
    seconds: float
    error: WorkerLoadError | None


class Node:
    """Holds loaded workers by name and runs any handler of them; an async context manager."""

    loop: asyncio.AbstractEventLoop
    base_url = ""
    """Where this node is reached, without a slash at the end; known once its port is."""

    def __init__(self, *, registry: Registry, options: NodeOptions, outbound: Outbound) -> None:
        self.options = options
        self.watchdog = Watchdog()
        self._registry = registry
        self._outbound = outbound
        self._slots: dict[str, WorkerSlot] = {}
        self._configs: dict[str, WorkerConfig] = {}
        self._sensitive: frozenset[str] = frozenset()
        self._routes: RouteTable[str] = RouteTable([])
        self._aliases: dict[str, str] = {}
        self._stack = AsyncExitStack()
        self._kinds = OpenKinds(registry, self)
        self._retiring: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.loop = asyncio.get_running_loop()
        self._stack.callback(install_import_system(current_isolate))
        self.watchdog.start()
        self._stack.callback(self.watchdog.stop)
        self._stack.push_async_callback(self._kinds.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        for slot in self._slots.values():
            self._retire(slot)
        self._slots.clear()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await self._stack.aclose()

    @property
    def workers(self) -> Mapping[str, WorkerSlot]:
        """What stands under each worker's name, in load order."""
        return self._slots

    @property
    def sensitive(self) -> frozenset[str]:
        """Texts that no log line and no page may show, those of replaced versions too."""
        return self._sensitive

    # Loading

    async def load(self, config: WorkerConfig) -> LoadReport:
        """Load a worker, or replace it by a fresh version; a failure takes down it alone.

        Requests in flight finish on the version that they began on. Raises the HostError by which
        a binding kind says that the host must not go on; what was loaded before stays then.
        """
        began = time.perf_counter()
        name = config.name
        previous = self._configs.get(name)
        self._configs[name] = config
        slot: WorkerSlot
        error: WorkerLoadError | None = None
        try:
            slot = await self._open_worker(config)
        except WorkerLoadError as load_error:
            error = load_error
            slot = BrokenWorker(name, str(config.main), load_error)
        except BaseException:
            if previous is None:
                del self._configs[name]
            else:
                self._configs[name] = previous
            raise
        old = self._slots.get(name)
        self._slots[name] = slot
        if old is not None:
            self._retire(old)
        self._rebuild_routes()
        return LoadReport(worker=name, seconds=time.perf_counter() - began, error=error)

    def unload(self, name: str) -> None:
        """Take a worker away; what runs on it finishes."""
        del self._configs[name]
        self._retire(self._slots.pop(name))
        self._rebuild_routes()

    async def _open_worker(self, config: WorkerConfig) -> Worker:
        raw_bindings = raw_bindings_of(config)
        env = await bind_env(config.name, raw_bindings, self._registry, self._kinds, self._hide)
        isolate = open_isolate(config.name, config.main, config.folder)
        try:
            module, handlers = await load_main(
                isolate,
                config.main,
                config.folder,
                env=env,
                timeout_s=self.options.load_timeout_s,
            )
        except BaseException:
            isolate.close()
            raise
        return Worker(
            name=config.name,
            node=self,
            isolate=isolate,
            module=module,
            handlers=handlers,
            env=env,
            limits=config.limits,
        )

    def _hide(self, texts: Iterable[str]) -> None:
        self._sensitive |= frozenset(texts)

    def _retire(self, slot: WorkerSlot) -> None:
        task = asyncio.get_running_loop().create_task(slot.close())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    # Finding a worker

    def route(self, host: str, path: str) -> WorkerSlot | None:
        """Return the worker for a request's host and path, or None where none claims it.

        Routes of the configs come first; then `<name>.localhost`, also with the top-level name.
        """
        name = self._routes.match(host, path)
        if name is None:
            label, _, rest = host.partition(":")[0].lower().partition(".")
            name = self._aliases.get(label) if rest == "localhost" else None
        return None if name is None else self._slots.get(name)

    def find(self, name: str) -> WorkerSlot:
        """Return a worker by its full name, else by its top-level name; or raise NoWorkerError."""
        slot = self._slots.get(name) or self._slots.get(self._aliases.get(name, ""))
        if slot is None:
            known = ", ".join(self._slots) or "none"
            raise NoWorkerError(f'no worker "{name}" is loaded; loaded: {known}')
        return slot

    def _rebuild_routes(self) -> None:
        self._routes = RouteTable(
            (route.pattern, name)
            for name, config in self._configs.items()
            for route in config.routes
        )
        self._aliases = {config.top_level_name: name for name, config in self._configs.items()}
        self._aliases.update({name: name for name in self._configs})

    # Calls

    async def fetch(self, request: Request) -> Response:
        """Send a worker's request: to a worker here that its URL is routed to, else outside."""
        return await follow_redirects(request, self._send)

    async def _send(self, request: Request) -> Response:
        count_subrequest()
        parts = urlsplit(request.url)
        slot = self.route(parts.netloc, parts.path)
        if slot is None:
            return await self._outbound.send(request)
        response: Response = await slot.invoke("fetch", (request,), {})
        return response

    async def invoke(
        self,
        worker: str,
        handler: str,
        /,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a handler or an RPC method of a worker by name; counts as a sub-request."""
        count_subrequest()
        return await self.find(worker).invoke(
            handler, args, kwargs or {}, entrypoint=entrypoint, props=props
        )

    # What plugins see

    @property
    def mode(self) -> Mode:
        """Whether this is local development, a host, or a test."""
        return self.options.mode

    def bindings(self, kind: str) -> Sequence[RawBinding]:
        """Return the bindings of that kind, of all workers."""
        return bindings_of(self._configs.values(), kind)

    def triggers(self, kind: str) -> Sequence[RawTrigger]:
        """Return the triggers of that kind, of all workers."""
        return triggers_of(self._configs.values(), kind)

    def data_dir(self, kind: str) -> Path:
        """Return the folder that the kind keeps its data in."""
        return self.options.data_dir / kind

    def option(self, kind: str, name: str, default: str) -> str:
        """Return `EDGESTEAD_<KIND>_<NAME>` of the environment, or the default."""
        return option_of(self.options.environ, kind, name, default)

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.options.clock()

    def owner(self, kind: str) -> Any:
        """Return what the kind's `own()` yielded."""
        return self._kinds.owned(kind)

    def page_url(self, name: str) -> str:
        """Return where a page of a plugin is shown in local development."""
        return f"{self.base_url}/cdn-cgi/{name}"

    async def open_kind(self, plugin: BindingPlugin[Any]) -> None:
        """Open a kind that perhaps no worker has used yet; raise what opening it raises."""
        await self._kinds.binder(plugin)
