"""`fetch`: a request out of the worker, by the runtime's pooled client."""

from typing import Unpack

from workers._host import require_host
from workers.request import Request
from workers.response import Response
from workers.types import FetchKwargs

__all__ = ["fetch"]


async def fetch(resource: str | Request, **options: Unpack[FetchKwargs]) -> Response:
    """Send a request and return the response as soon as its head has arrived.

    `resource` is an absolute http or https URL, or a Request; the options are those of
    [`Request`][workers.Request] and win over the given request's own. A host that is routed to a
    worker of the same runtime is answered by that worker without a socket. Redirects are followed
    up to 20 times unless `redirect` is "manual" or "error".

    Raises OSError when no response arrives, TypeError on a URL that is not http or https,
    RuntimeError outside a worker or over the limit of sub-requests.
    """
    if options or not isinstance(resource, Request):
        resource = Request(resource, **options)
    return await require_host("fetch").fetch(resource)
