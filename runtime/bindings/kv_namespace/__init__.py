"""KV namespaces: each a part of one store, which one process holds open and shares."""

from runtime.bindings.kv_namespace.plugin import KvNamespacePlugin
from runtime.bindings.kv_namespace.spec import KvNamespaceSpec

__all__ = ["KvNamespacePlugin", "KvNamespaceSpec"]
