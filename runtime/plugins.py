"""All that the author of a binding kind imports; SemVer applies to every name here.

A *kind* is the `type` of a binding in Cloudflare's flat form: `{"name": "FLAGS", "type": "flags",
"id": "…"}`. A config file's sections and a REST upload both arrive in that form, as
[`RawBinding`][runtime.plugins.RawBinding]. A
[`BindingPlugin`][runtime.plugins.BindingPlugin] turns one into what stands on `env`. Built-in kinds
stand in `runtime/bindings/`; third parties name a plugin class under the entry-point group
`edgestead.bindings`.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar

from runtime.errors import HostError, PluginError
from runtime.events import ScheduledController
from runtime.stubs import WorkerStub
from workers import Request, Response
from wrangler_compat import Diagnostics, Position

if TYPE_CHECKING:
    import typer

__all__ = [
    "Binder",
    "BindingPlugin",
    "CommandHosts",
    "Diagnostics",
    "HostError",
    "HostView",
    "Mode",
    "Page",
    "PluginError",
    "Position",
    "RawBinding",
    "RawTrigger",
    "ScheduledController",
    "WorkerStub",
]

SpecT = TypeVar("SpecT")
SpecT_contra = TypeVar("SpecT_contra", contravariant=True)

Mode = Literal["dev", "host", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBinding:
    """One binding of one worker as it was declared, before its plugin has looked at it."""

    worker: str
    name: str
    type: str
    fields: Mapping[str, Any]
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTrigger:
    """One trigger of one worker (a cron, a queue consumer) as it was declared."""

    worker: str
    type: str
    fields: Mapping[str, Any]


class HostView(Protocol):
    """What a plugin sees of the process that it works in; it names no kind."""

    @property
    def mode(self) -> Mode:
        """Whether this is local development, a host, or a test."""

    def bindings(self, kind: str) -> Sequence[RawBinding]:
        """Return the bindings of that kind, of all workers."""

    def triggers(self, kind: str) -> Sequence[RawTrigger]:
        """Return the triggers of that kind, of all workers."""

    def data_dir(self, kind: str) -> Path:
        """Return the folder that the kind keeps its data in; it may not exist yet."""

    def option(self, kind: str, name: str, default: str) -> str:
        """Return the operator's choice, from `EDGESTEAD_<KIND>_<NAME>` in the environment."""

    def now(self) -> float:
        """Return the time in seconds since the epoch, from the clock that the host was given."""

    def owner(self, kind: str) -> Any:
        """Return what the kind's `own()` yielded in the process that owns it."""

    def page_url(self, name: str) -> str:
        """Return where a page of a plugin is shown in local development."""

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
        """Run a handler, or an RPC method, of a worker by name.

        `args` and `kwargs` are the event, or the method's arguments. `entrypoint` names another
        class than `Default`; `props` becomes its `ctx.props`. Raises NoWorkerError where no such
        worker is loaded, and what the handler raises.
        """


Page: TypeAlias = Callable[[Request, HostView], Awaitable[Response]]
"""Answers a request for a page of a plugin."""


class Binder(Protocol[SpecT_contra]):
    """An opened kind: makes what stands on `env`, again after every reload of the worker."""

    def bind(self, spec: SpecT_contra, worker: str) -> object:
        """Return the object for `spec` on the `env` of `worker`."""


class CommandHosts(Protocol):
    """Gives a plugin's commands what they work on; no worker is served for them."""

    def local(
        self,
        *,
        config: Sequence[Path] = (),
        env: str | None = None,
        persist_to: Path | None = None,
    ) -> HostView:
        """Return what `runtime serve` with the same paths and options has, in mode `dev`.

        `config` are config files, worker folders, or folders of worker folders; none is the current
        folder. What there is to read is read when it is asked for, without local secrets, and
        raises then what is wrong with it. `owner()` and `invoke()` of the view raise PluginError:
        the process that serves is another one, if there is any.
        """

    def load(self, host: HostView, group: str, name: str) -> AbstractContextManager[Any]:
        """Import code of a worker for a command: yields what a worker of `host` declares.

        `host` is one that `local` has returned. The worker's `pyproject.toml` says under
        `[tool.edgestead.<group>]` where the code is: `name = "module:name"`. It is imported as
        the worker's own modules are, and can be used until the context ends; it has no `env`.
        Raises HostError where no worker declares it or several do, and WorkerLoadError where it
        cannot be imported. What the code raises in the context, and could have done otherwise,
        becomes a HostError that names file and line.
        """


class BindingPlugin(ABC, Generic[SpecT]):
    """One kind of binding, or a few that belong together. Made once a node, without arguments.

    A plugin that raises is a broken one: the workers load, their bindings of its kinds raise on
    use, and the error is logged. Only `own()` and `open()` can say that the whole host must not go
    on, by a [`HostError`][runtime.plugins.HostError] other than PluginError: its text is all that
    the operator sees. The contexts of both are entered and left in one task, on first use of the
    kind and at the end of the process.
    """

    kinds: ClassVar[tuple[str, ...]]
    sections: ClassVar[Mapping[str, str]] = {}
    """Config keys that wrangler does not know, each with its kind.

    A key holds a list of tables; `binding` in each names it, the rest are its fields.
    """

    @abstractmethod
    def parse(self, raw: RawBinding, report: Diagnostics) -> SpecT | None:
        """Check a binding without I/O; report what is wrong and return None, or return its spec."""

    @abstractmethod
    def open(self, host: HostView) -> AbstractAsyncContextManager[Binder[SpecT]]:
        """Open the kind in this process; the binder works until the context ends."""

    def own(self, host: HostView) -> AbstractAsyncContextManager[object]:
        """Hold what only one process of a host may hold; nothing by default."""
        return _nothing_to_own()

    def commands(self, hosts: CommandHosts) -> "Mapping[str, typer.Typer]":
        """Return groups of commands for the command line, each by its name; none by default.

        Called for `runtime --help` and when a command is used that is not one of ours; import what
        only the commands need then. A command may raise HostError: its text is what is told.
        """
        return {}

    def pages(self) -> Mapping[str, Page]:
        """Return what local development shows under `/cdn-cgi/<name>`, each by its name.

        None by default. A page answers every path that begins so, for this machine alone: pages of
        other origins and other machines are refused before. The kind is open when it is called.
        """
        return {}

    def sensitive(self, spec: SpecT) -> Iterable[str]:
        """Return the texts in `spec` that no log, page or error may ever show."""
        return ()


@asynccontextmanager
async def _nothing_to_own() -> AsyncIterator[None]:
    yield None
