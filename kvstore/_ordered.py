"""What is asked of an ordered database, in the one way in which damage does not go unnoticed."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from kvstore.errors import CorruptStoreError

__all__ = ["OrderedDatabase", "OrderedView", "read", "scan"]


class OrderedView(Protocol):
    """Byte keys in order."""

    def get(self, key: bytes, *, verify_checksums: bool) -> bytes | None:
        """Return the value of a key."""

    def iterator(self, **options: Any) -> AbstractContextManager[Iterable[tuple[bytes, bytes]]]:
        """Iterate over a range of keys and values."""


class OrderedDatabase(OrderedView, Protocol):
    """Byte keys in order, snapshots of them, and batches that are atomic."""

    def snapshot(self) -> Any:
        """Return a view that later writes do not change."""

    def approximate_size(self, start: bytes, stop: bytes) -> int:
        """Return how many bytes a range of keys takes on the disk, about."""

    def write_batch(self, *, transaction: bool, sync: bool) -> AbstractContextManager[Any]:
        """Collect writes and carry them out together, or none of them if the block raises."""


def read(view: OrderedView, key: bytes) -> bytes | None:
    """Return the value of a key; the block that it stands in is verified."""
    return view.get(key, verify_checksums=True)


@contextmanager
def scan(
    view: OrderedView, start: bytes, stop: bytes, *, include_start: bool = True
) -> Iterator[Iterator[tuple[bytes, bytes]]]:
    """Iterate, within the block, over keys and values from `start` to before `stop`.

    plyvel's iterators end without a word where the last part of a store cannot be read. So this one
    goes on until it has met a key from `stop` on, and raises CorruptStoreError where there is none;
    the store's last key is always there.
    """
    with view.iterator(start=start, include_start=include_start, verify_checksums=True) as items:
        yield _until(items, stop)


def _until(items: Iterable[tuple[bytes, bytes]], stop: bytes) -> Iterator[tuple[bytes, bytes]]:
    for key, data in items:
        if key >= stop:
            return
        yield key, data
    raise CorruptStoreError("the KV store is damaged: it cannot be read to its end")
