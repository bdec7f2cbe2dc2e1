"""A dict that JavaScript habits can read: `cf.botManagement.score`."""

from typing import Any

__all__ = ["AttributeDict"]


class AttributeDict(dict[str, Any]):
    """A dict whose keys are attributes too, those of nested dicts included."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"no such property: {name!r}") from None
        return AttributeDict(value) if type(value) is dict else value
