"""The `workers` API of Cloudflare's Python Workers, on CPython.

Worker code imports from here and nothing else of ours. Names, arguments and results are those
of Cloudflare's SDK; `env`, `waitUntil` and `wait_until` belong to the worker that asks for them.
"""

import typing as _typing

from workers._host import current_host as _current_host
from workers._host import wait_until
from workers._javascript import import_from_javascript
from workers.blob import Blob, BlobEnding, BlobValue, File
from workers.entrypoints import (
    DurableObject,
    WorkerEntrypoint,
    WorkflowEntrypoint,
    handler,
)
from workers.fetch import fetch
from workers.formdata import FormData, FormDataValue
from workers.headers import Headers
from workers.request import Request
from workers.response import FetchResponse, Response
from workers.rpc import _EnvWrapper, patch_env, python_from_rpc, python_to_rpc
from workers.types import Body, Context, FetchKwargs, JSBody, RequestInitCfProperties

__all__ = [
    "Blob",
    "BlobEnding",
    "BlobValue",
    "Body",
    "Context",
    "DurableObject",
    "FetchKwargs",
    "FetchResponse",
    "File",
    "FormData",
    "FormDataValue",
    "Headers",
    "JSBody",
    "Request",
    "RequestInitCfProperties",
    "Response",
    "WorkerEntrypoint",
    "WorkflowEntrypoint",
    "env",
    "fetch",
    "handler",
    "import_from_javascript",
    "patch_env",
    "python_from_rpc",
    "python_to_rpc",
    "waitUntil",
    "wait_until",
]

waitUntil = wait_until
env: _typing.Any

# Type checkers know every name without it, and would take any other for one.
if not _typing.TYPE_CHECKING:  # pragma: no branch  (it never is, here)

    def __getattr__(name: str) -> object:
        if name == "env":
            host = _current_host.get(None)
            return _EnvWrapper({}) if host is None else host.env
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
