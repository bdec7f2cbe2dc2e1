"""Types of the bindings that stand on `env`, for fields of settings and for annotations.

On Cloudflare a binding is a proxy of a JavaScript object and has no class to check, so a binding is
told from plain data and by the methods that it has.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias

from workers import Request, Response

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Binding", "KVNamespace", "Service"]

_DATA = (str, bytes, bool, int, float, list, dict, tuple, set, type(None))


class Binding:
    """Says in which section of the config a binding is declared, and what methods it has.

    `STORE: Annotated[MyStore, Binding("r2_buckets")]` is a field of
    [`WorkerSettings`][workerkit.WorkerSettings] for a binding of any kind; `MyStore` may be a
    Protocol of your own, and is not checked. Whatever is no plain data is accepted, unless it lacks
    one of `methods`. A binding of a kind that nobody serves is accepted as well: using it raises.
    """

    __slots__ = ("methods", "section")

    def __init__(self, section: str, *methods: str) -> None:
        self.section = section
        self.methods = methods

    def check(self, value: object) -> object:
        """Return `value` as it is; raise an error that pydantic reports where it is no binding."""
        # Imported here: this module is for annotations too, and those need no pydantic.
        from pydantic_core import PydanticCustomError

        if isinstance(value, _DATA):
            raise PydanticCustomError("binding", "it is plain data and no binding")
        for method in self.methods:
            if not _may_have(value, method):
                raise PydanticCustomError("binding", f"the binding has no method {method}()")
        return value

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.check)


def _may_have(value: object, method: str) -> bool:
    try:
        return callable(getattr(value, method, None))
    except Exception:
        # A binding that cannot be used here answers every name with the reason why.
        return True


class _KVNamespace(Protocol):
    """What a KV namespace can do; Cloudflare's names and options."""

    def get(self, key: Any, /, *args: Any, **options: Any) -> Awaitable[Any]:
        """Return the value of a key, or None."""

    def getWithMetadata(self, key: Any, /, *args: Any, **options: Any) -> Awaitable[Any]:
        """Return the value of a key with its metadata."""

    def put(self, key: str, value: Any, /, *args: Any, **options: Any) -> Awaitable[None]:
        """Store a value."""

    def delete(self, key: Any, /) -> Awaitable[None]:
        """Remove a key."""

    def list(self, *args: Any, **options: Any) -> Awaitable[Any]:
        """Return a page of keys."""


class _Service(Protocol):
    """What a service binding can do: requests, and the RPC methods of the other worker."""

    def fetch(self, resource: str | Request, /, **options: Any) -> Awaitable[Response]:
        """Send a request to the other worker."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """Return an RPC method."""


KVNamespace: TypeAlias = Annotated[_KVNamespace, Binding("kv_namespaces", "get", "put", "list")]
"""A KV namespace; a field of this type is set by `[[kv_namespaces]]`."""

Service: TypeAlias = Annotated[_Service, Binding("services", "fetch")]
"""Another worker; a field of this type is set by `[[services]]`."""
