"""Pages of plugins under `/cdn-cgi/`, for whoever sits at this machine and nobody else."""

import ipaddress
import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from runtime._dispatch.node import Node
from runtime._registry import Registry
from runtime.errors import PluginError
from runtime.plugins import BindingPlugin, Page
from workers import Request, Response

__all__ = ["PluginPages", "stranger"]

_PREFIX: Final = "/cdn-cgi/"
# What the runtime itself has there.
_TAKEN: Final = frozenset({"handler"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})

logger = logging.getLogger(__name__)


class PluginPages:
    """The pages of every plugin, by name."""

    def __init__(self, registry: Registry, node: Node) -> None:
        """Ask the plugins; raise PluginError where two of them have a page of one name."""
        self._node = node
        self._pages: dict[str, tuple[BindingPlugin[Any], Page]] = {}
        sources: dict[str, str] = dict.fromkeys(_TAKEN, "the runtime")
        for source, plugin in registry.plugins:
            for name, page in _pages_of(plugin, source).items():
                if name in sources:
                    raise PluginError(
                        f"the page {_PREFIX}{name} is shown by {sources[name]} and by {source}; "
                        "uninstall one of them"
                    )
                sources[name] = source
                self._pages[name] = (plugin, page)

    async def answer(self, path: str, request: Request) -> Response | None:
        """Answer a path under `/cdn-cgi/`; return None where no plugin has a page there."""
        name = path.removeprefix(_PREFIX).partition("/")[0]
        found = self._pages.get(name)
        if found is None:
            return None
        reason = stranger(request)
        if reason is not None:
            return Response(f"{path} is for this machine alone: {reason}\n", status=403)
        plugin, page = found
        await self._node.open_kind(plugin)
        return await page(request, self._node)


def _pages_of(plugin: BindingPlugin[Any], source: str) -> Mapping[str, Page]:
    try:
        return plugin.pages()
    except Exception:
        logger.exception("the pages of the plugin %s cannot be shown", source)
        return {}


def stranger(request: Request) -> str | None:
    """Return why a request is not from a user of this machine; None where it is.

    The name that it was sent to must be this machine's own, or a page could reach it under a name
    of its own that has come to mean this machine (DNS rebinding); and no page of another origin may
    have sent it.
    """
    host = urlsplit(request.url).hostname or ""
    if host != "localhost" and not host.endswith(".localhost") and not _is_loopback(host):
        return f"open it as localhost, not as {host}"
    if not _is_loopback(request.headers.get("cf-connecting-ip", "")):
        return "the request comes from another one"
    origin = request.headers.get("origin")
    if origin is not None and origin != _origin_of(request.url):
        return "a page of another origin has sent the request"
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        return "a page of another site has sent the request"
    return None


def _is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
