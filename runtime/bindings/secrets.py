"""Secrets: texts that reach `env` and nothing else."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from runtime.plugins import Binder, BindingPlugin, Diagnostics, HostView, RawBinding

__all__ = ["SecretsPlugin"]


class SecretsPlugin(BindingPlugin[str]):
    """Puts a secret on `env` as a plain `str`, as Cloudflare does."""

    kinds = ("secret_text",)

    def parse(self, raw: RawBinding, report: Diagnostics) -> str | None:
        """Return the secret's text."""
        value = raw.fields.get("text")
        text = value if isinstance(value, str) else getattr(value, "reveal", lambda: None)()
        if not isinstance(text, str):
            report.add_error(f'The secret "{raw.name}" has no text.', raw.position)
            return None
        return text

    @asynccontextmanager
    async def open(self, host: HostView) -> AsyncIterator[Binder[str]]:
        """Open nothing: the texts are in memory already."""
        yield _Texts()

    def sensitive(self, spec: str) -> Iterable[str]:
        """Return the secret itself: it is removed from whatever is logged or shown."""
        return (spec,)


class _Texts:
    def bind(self, spec: str, worker: str) -> object:
        """Return the text."""
        return spec
