"""KV namespaces on storage engines; knows no worker, no config and no HTTP."""

from kvstore.engine import (
    Delete,
    Durability,
    EngineOptions,
    Entry,
    KVEngine,
    Operation,
    Put,
    Record,
)
from kvstore.errors import (
    CorruptRecordError,
    CorruptStoreError,
    EngineClosedError,
    EngineError,
    EngineLockedError,
    FormatTooNewError,
    KVError,
    OwnerUnavailableError,
    StoreError,
)
from kvstore.namespace import KVNamespace
from kvstore.opening import engine_names, open_engine
from kvstore.results import KVResult

__all__ = [
    "CorruptRecordError",
    "CorruptStoreError",
    "Delete",
    "Durability",
    "EngineClosedError",
    "EngineError",
    "EngineLockedError",
    "EngineOptions",
    "Entry",
    "FormatTooNewError",
    "KVEngine",
    "KVError",
    "KVNamespace",
    "KVResult",
    "Operation",
    "OwnerUnavailableError",
    "Put",
    "Record",
    "StoreError",
    "engine_names",
    "open_engine",
]
