"""All that the author of a binding kind imports; SemVer applies to every name here.

A *kind* is the `type` of a binding in Cloudflare's flat form: `{"name": "FLAGS", "type": "flags",
"id": "…"}`. A config file's sections and a REST upload both arrive in that form, as
[`RawBinding`][runtime.plugins.RawBinding]. A
[`BindingPlugin`][runtime.plugins.BindingPlugin] turns one into what stands on `env`. Built-in kinds
stand in `runtime/bindings/`; third parties name a plugin class under the entry-point group
`edgestead.bindings`.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from runtime.errors import HostError, PluginError
from runtime.events import ScheduledController
from runtime.stubs import WorkerStub
from wrangler_compat import Diagnostics, Position

__all__ = [
    "Binder",
    "BindingPlugin",
    "Diagnostics",
    "HostError",
    "HostView",
    "Mode",
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


class Binder(Protocol[SpecT_contra]):
    """An opened kind: makes what stands on `env`, again after every reload of the worker."""

    def bind(self, spec: SpecT_contra, worker: str) -> object:
        """Return the object for `spec` on the `env` of `worker`."""


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

    def sensitive(self, spec: SpecT) -> Iterable[str]:
        """Return the texts in `spec` that no log, page or error may ever show."""
        return ()


@asynccontextmanager
async def _nothing_to_own() -> AsyncIterator[None]:
    yield None
