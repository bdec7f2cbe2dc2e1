"""What KV answers: dicts whose keys are attributes too, as in code written for JavaScript."""

from collections.abc import KeysView
from typing import Any

__all__ = ["KVResult", "ListResult"]


class KVResult(dict[str, Any]):
    """A dict that can be read by attribute, dicts in it included: `result.metadata.status`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"no such property: {name!r}") from None
        return KVResult(value) if type(value) is dict else value


class ListResult(KVResult):
    """A page of keys.

    Its list of keys has the name of a dict's method, so `result.keys` is both: that list, and
    something to be called.
    """

    __slots__ = ()

    @property
    def keys(self) -> "_ListedKeys":  # type: ignore[override]  # see above
        """The listed keys; called, the names in this dict."""
        return _ListedKeys(self)


class _ListedKeys(list[KVResult]):
    """The listed keys of a page."""

    __slots__ = ("_page",)

    def __init__(self, page: ListResult) -> None:
        super().__init__(page["keys"])
        self._page = page

    def __call__(self) -> KeysView[str]:
        return dict.keys(self._page)
