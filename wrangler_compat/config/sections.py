"""The table of binding kinds: which place in the config becomes bindings of which kind.

One row a kind; nothing else in this package names a kind. Sources: wrangler 4's configuration
reference and the metadata that it uploads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wrangler_compat.config.keys import ValueType

__all__ = ["BINDING_SECTIONS", "BindingSection", "NameFormat", "TRIGGER_SECTIONS", "TriggerSection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFormat:
    """What the name of a resource looks like: a pattern of the whole name, and it in words."""

    pattern: re.Pattern[str]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingSection:
    """How a place in the config becomes bindings in the flat form `{name, type, …}`.

    `path` leads to a list of tables, to one table (`single`) or to a mapping of names to values
    (`mapping`, whose value becomes the field `value_field`). `name_field` holds the binding's name.
    `provisioned` is a field that may be left out, though not be empty: wrangler makes the resource
    then, and here its id is made of the names of the worker and the binding. `renames` are fields
    that the flat form calls otherwise. `formats` are names that must look a certain way. Of the
    fields in `exclusive`, one may be there; one in `needs` must not be there without the other; of
    that in `unique`, each binding has a value of its own. `worker_field` names another worker.
    `open` sections take any field.
    """

    path: tuple[str, ...]
    kind: str
    shape: Literal["list", "single", "mapping"] = "list"
    name_field: str = "binding"
    required: Mapping[str, ValueType] = field(default_factory=dict)
    provisioned: str | None = None
    optional: Mapping[str, ValueType] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, NameFormat] = field(default_factory=dict)
    exclusive: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    unique: str | None = None
    value_field: str = ""
    worker_field: str | None = None
    open: bool = False

    @property
    def resource_field(self) -> str | None:
        """The field of the flat form that says which resource the binding is for, if any does."""
        field = self.provisioned
        return None if field is None else self.renames.get(field, field)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSection:
    """How a place in the config becomes triggers: what runs a worker, besides requests."""

    path: tuple[str, ...]
    kind: str


def _list(
    key: str,
    kind: str,
    required: Mapping[str, ValueType] | None = None,
    optional: Mapping[str, ValueType] | None = None,
    *,
    provisioned: str | None = None,
    renames: Mapping[str, str] | None = None,
    name_field: str = "binding",
    formats: Mapping[str, NameFormat] | None = None,
    exclusive: tuple[str, ...] = (),
    needs: Mapping[str, str] | None = None,
    unique: str | None = None,
    worker_field: str | None = None,
) -> BindingSection:
    return BindingSection(
        path=tuple(key.split(".")),
        kind=kind,
        name_field=name_field,
        required=required or {},
        provisioned=provisioned,
        optional={"remote": "boolean", **(optional or {})},
        renames=renames or {},
        formats=formats or {},
        exclusive=exclusive,
        needs=needs or {},
        unique=unique,
        worker_field=worker_field,
    )


def _single(key: str, kind: str, optional: Mapping[str, ValueType] | None = None) -> BindingSection:
    fields: Mapping[str, ValueType] = {"remote": "boolean", **(optional or {})}
    return BindingSection(path=(key,), kind=kind, shape="single", optional=fields)


def _mapping(key: str, kind: str, value_field: str) -> BindingSection:
    return BindingSection(path=(key,), kind=kind, shape="mapping", value_field=value_field)


_BUCKET_NAME = NameFormat(
    pattern=re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    words="3 to 63 lower-case letters, digits and dashes, with no dash at either end",
)
_WORKFLOW_NAME = NameFormat(
    pattern=re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}"),
    words="1 to 64 letters, digits, underscores and dashes, with no dash at the start",
)
_JURISDICTION = NameFormat(
    pattern=re.compile(r"eu|fedramp|us"), words='one of "eu", "fedramp" and "us"'
)

BINDING_SECTIONS: tuple[BindingSection, ...] = (
    _mapping("vars", "json", "json"),
    _list(
        "kv_namespaces",
        "kv_namespace",
        None,
        {"preview_id": "string"},
        provisioned="id",
        renames={"id": "namespace_id"},
    ),
    _list(
        "services",
        "service",
        {"service": "string"},
        {
            "entrypoint": "string",
            "environment": "string",
            "props": "object",
            "cross_account_grant": "string",
            "dev": "object",
        },
        worker_field="service",
    ),
    _list(
        "durable_objects.bindings",
        "durable_object_namespace",
        {"class_name": "string"},
        {"script_name": "string", "environment": "string"},
        name_field="name",
        needs={"environment": "script_name"},
        worker_field="script_name",
    ),
    _list(
        "r2_buckets",
        "r2_bucket",
        None,
        {"preview_bucket_name": "string", "jurisdiction": "string", "local_dev": "object"},
        provisioned="bucket_name",
        formats={"bucket_name": _BUCKET_NAME, "preview_bucket_name": _BUCKET_NAME},
    ),
    _list(
        "d1_databases",
        "d1",
        None,
        {
            "database_name": "string",
            "jurisdiction": "string",
            "preview_database_id": "string",
            "migrations_dir": "string",
            "migrations_table": "string",
            "migrations_pattern": "string",
            "database_internal_env": "string",
        },
        provisioned="database_id",
        renames={"database_id": "id"},
    ),
    _list(
        "queues.producers",
        "queue",
        None,
        {"delivery_delay": "number"},
        provisioned="queue",
        renames={"queue": "queue_name"},
    ),
    _list(
        "workflows",
        "workflow",
        {"name": "string", "class_name": "string"},
        {
            "script_name": "string",
            "limits": "object",
            "concurrency": "object",
            "schedules": "any",
            "default_retention": "object",
            "jurisdiction": "string",
        },
        renames={"name": "workflow_name"},
        formats={"name": _WORKFLOW_NAME, "jurisdiction": _JURISDICTION},
        unique="name",
        worker_field="script_name",
    ),
    _list(
        "send_email",
        "send_email",
        None,
        {
            "destination_address": "string",
            "allowed_destination_addresses": "strings",
            "allowed_sender_addresses": "strings",
        },
        name_field="name",
        exclusive=("destination_address", "allowed_destination_addresses"),
    ),
    _list(
        "ratelimits",
        "ratelimit",
        {"namespace_id": "string", "simple": "object"},
        name_field="name",
    ),
    _list("hyperdrive", "hyperdrive", {"id": "string"}, {"localConnectionString": "string"}),
    _list("analytics_engine_datasets", "analytics_engine", None, {"dataset": "string"}),
    _list("vectorize", "vectorize", {"index_name": "string"}),
    _list("mtls_certificates", "mtls_certificate", {"certificate_id": "string"}),
    _list(
        "dispatch_namespaces",
        "dispatch_namespace",
        None,
        {"outbound": "object"},
        provisioned="namespace",
    ),
    _list(
        "secrets_store_secrets",
        "secrets_store_secret",
        {"store_id": "string", "secret_name": "string"},
    ),
    _list("pipelines", "pipeline", None, {"pipeline": "string", "stream": "string"}),
    _list("artifacts", "artifacts", {"namespace": "string"}),
    _list("ai_search", "ai_search", {"instance_name": "string"}),
    _list("ai_search_namespaces", "ai_search_namespace", {"namespace": "string"}),
    _list("agent_memory", "agent_memory", {"namespace": "string"}),
    _list("flagship", "flagship", provisioned="app_id"),
    _list("k2", "k2", {"stream": "string"}),
    _list("worker_loaders", "worker_loader"),
    _list("vpc_services", "vpc_service", {"service_id": "string"}),
    _list("vpc_networks", "vpc_network", None, {"tunnel_id": "string", "network_id": "string"}),
    _list("unsafe_hello_world", "unsafe_hello_world", None, {"enable_timer": "boolean"}),
    _list("logfwdr.bindings", "logfwdr", {"destination": "string"}, name_field="name"),
    _single("version_metadata", "version_metadata"),
    _single("ai", "ai", {"staging": "boolean"}),
    _single("analytics", "analytics"),
    _single("browser", "browser"),
    _single("images", "images"),
    _single("media", "media"),
    _single("stream", "stream"),
    _single("websearch", "websearch"),
    BindingSection(path=("assets",), kind="assets", shape="single", open=True),
    BindingSection(
        path=("unsafe", "bindings"),
        kind="",
        name_field="name",
        required={"type": "string"},
        open=True,
    ),
    _mapping("wasm_modules", "wasm_module", "part"),
    _mapping("text_blobs", "text_blob", "part"),
    _mapping("data_blobs", "data_blob", "part"),
)

TRIGGER_SECTIONS: tuple[TriggerSection, ...] = (
    TriggerSection(path=("queues", "consumers"), kind="queue"),
    TriggerSection(path=("tail_consumers",), kind="tail"),
    TriggerSection(path=("streaming_tail_consumers",), kind="streaming_tail"),
)
