"""The table of all that wrangler's config knows: keys, and the fields of the tables behind them.

Source: wrangler 4's configuration reference and schema. A key that only some of its versions know
stands here as well, so that a file written for any of them is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["FIELDS", "FieldSpec", "KEYS", "KeySpec", "Scope", "ValueType"]

ValueType = Literal[
    "string",
    "boolean",
    "number",
    "object",
    "array",
    "strings",
    "string or strings",
    "boolean or strings",
    "any",
]

Scope = Literal["inherited", "own", "top_level"]
"""`inherited` by environments, each environment's `own`, or at the `top_level` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """A key of the config: its type, who may set it, and its value where nobody does."""

    type: ValueType
    scope: Scope = "inherited"
    default: Any = None


def _own(type_: ValueType, default: Any = None) -> KeySpec:
    return KeySpec(type=type_, scope="own", default=default)


def _top(type_: ValueType, default: Any = None) -> KeySpec:
    return KeySpec(type=type_, scope="top_level", default=default)


KEYS: Mapping[str, KeySpec] = {
    "$schema": _top("string"),
    "access": KeySpec(type="object"),
    "account_id": KeySpec(type="string"),
    "addresses": _top("strings"),
    "agent_memory": _own("array", []),
    "ai": _own("object"),
    "ai_search": _own("array", []),
    "ai_search_namespaces": _own("array", []),
    "alias": _top("object"),
    "analytics": _own("object"),
    "analytics_engine_datasets": _own("array", []),
    "artifacts": _own("array", []),
    "assets": KeySpec(type="object"),
    "base_dir": KeySpec(type="string"),
    "browser": _own("object"),
    "build": KeySpec(type="object", default={"watch_dir": "./src"}),
    "cache": KeySpec(type="object"),
    "cloudchamber": _own("object", {}),
    "compatibility_date": KeySpec(type="string"),
    "compatibility_flags": KeySpec(type="strings", default=[]),
    "compliance_region": KeySpec(type="string"),
    "connect": _own("array", []),
    "containers": _own("array"),
    "d1_databases": _own("array", []),
    "data_blobs": _top("object"),
    "define": _own("object", {}),
    "dependencies_instrumentation": _top("object"),
    "dev": _top(
        "object",
        {
            "ip": "localhost",
            "local_protocol": "http",
            "upstream_protocol": "http",
            "enable_containers": True,
            "generate_types": False,
        },
    ),
    "dispatch_namespaces": _own("array", []),
    "durable_objects": _own("object", {"bindings": []}),
    "env": _top("object"),
    "exports": KeySpec(type="object", default={}),
    "find_additional_modules": KeySpec(type="boolean"),
    "first_party_worker": KeySpec(type="boolean"),
    "flagship": _own("array", []),
    "hyperdrive": _own("array", []),
    "images": _own("object"),
    "jsx_factory": KeySpec(type="string", default="React.createElement"),
    "jsx_fragment": KeySpec(type="string", default="React.Fragment"),
    "k2": _own("array", []),
    "keep_names": KeySpec(type="boolean"),
    "keep_vars": _top("boolean"),
    "kv_namespaces": _own("array", []),
    "legacy_env": _top("boolean", True),
    "limits": KeySpec(type="object"),
    "logfwdr": KeySpec(type="object", default={"bindings": []}),
    "logpush": KeySpec(type="boolean"),
    "main": KeySpec(type="string"),
    "media": _own("object"),
    "migrations": KeySpec(type="array", default=[]),
    "minify": KeySpec(type="boolean"),
    "mtls_certificates": _own("array", []),
    "name": KeySpec(type="string"),
    "no_bundle": KeySpec(type="boolean"),
    "observability": KeySpec(type="object"),
    "pages_build_output_dir": _top("string"),
    "pipelines": _own("array", []),
    "placement": KeySpec(type="object"),
    "preserve_file_names": KeySpec(type="boolean"),
    "preview_urls": KeySpec(type="boolean"),
    "previews": KeySpec(type="object"),
    "python_modules": KeySpec(type="object", default={"exclude": ["**/*.pyc"]}),
    "queues": _own("object", {"producers": [], "consumers": []}),
    "r2_buckets": _own("array", []),
    "ratelimits": _own("array", []),
    "route": KeySpec(type="any"),
    "routes": KeySpec(type="array"),
    "rules": KeySpec(type="array", default=[]),
    "secrets": _own("object"),
    "secrets_store_secrets": _own("array", []),
    "send_email": _own("array", []),
    "send_metrics": _top("boolean"),
    "services": _own("array", []),
    "site": _top("object"),
    "stream": _own("object"),
    "streaming_tail_consumers": _own("array"),
    "tail_consumers": _own("array"),
    "text_blobs": _top("object"),
    "triggers": KeySpec(type="object", default={}),
    "tsconfig": KeySpec(type="string"),
    "unsafe": _own("object", {}),
    "unsafe_hello_world": _own("array", []),
    "upload_source_maps": KeySpec(type="boolean"),
    "vars": _own("object", {}),
    "vectorize": _own("array", []),
    "version_metadata": _own("object"),
    "vpc_networks": _own("array", []),
    "vpc_services": _own("array", []),
    "wasm_modules": _top("object"),
    "websearch": _own("object"),
    "worker_loaders": _own("array", []),
    "workers_dev": KeySpec(type="boolean"),
    "workflows": _own("array", []),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """A field of a table: its type, whether it must be there, and the values that it may have."""

    type: ValueType
    required: bool = False
    choices: tuple[str | int, ...] = ()


def _field(type_: ValueType) -> FieldSpec:
    return FieldSpec(type=type_)


def _required(type_: ValueType, *choices: str | int) -> FieldSpec:
    return FieldSpec(type=type_, required=True, choices=choices)


def _choice(*choices: str) -> FieldSpec:
    return FieldSpec(type="string", choices=choices)


FIELDS: Mapping[str, Mapping[str, FieldSpec]] = {
    "assets": {
        "directory": _field("string"),
        "binding": _field("string"),
        "base_path": _field("string"),
        "html_handling": _choice(
            "auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"
        ),
        "not_found_handling": _choice("single-page-application", "404-page", "none"),
        "run_worker_first": _field("boolean or strings"),
    },
    "build": {
        "command": _field("string"),
        "cwd": _field("string"),
        "watch_dir": _field("string or strings"),
    },
    "dev": {
        "ip": _field("string"),
        "port": _field("number"),
        "inspector_port": _field("number"),
        "inspector_ip": _field("string"),
        "local_protocol": _choice("http", "https"),
        "upstream_protocol": _choice("http", "https"),
        "host": _field("string"),
        "enable_containers": _field("boolean"),
        "container_engine": _field("string"),
        "generate_types": _field("boolean"),
    },
    "durable_objects": {"bindings": _field("array"), "code_update_strategy": _field("object")},
    "durable_objects.code_update_strategy": {
        "mode": _required("string", "immediate", "deferred"),
        "max_delay": _field("number"),
    },
    "limits": {"cpu_ms": _field("number"), "subrequests": _field("number")},
    "logfwdr": {"bindings": _required("array")},
    "migrations[]": {
        "tag": _required("string"),
        "new_classes": _field("strings"),
        "new_sqlite_classes": _field("strings"),
        "renamed_classes": _field("array"),
        "deleted_classes": _field("strings"),
        "transferred_classes": _field("array"),
    },
    "migrations[].renamed_classes[]": {"from": _required("string"), "to": _required("string")},
    "migrations[].transferred_classes[]": {
        "from": _required("string"),
        "from_script": _required("string"),
        "to": _required("string"),
    },
    "observability": {
        "enabled": _field("boolean"),
        "head_sampling_rate": _field("number"),
        "redact_query_string": _field("boolean"),
        "issues": _field("object"),
        "logs": _field("object"),
        "traces": _field("object"),
    },
    "observability.issues": {"enabled": _field("boolean")},
    "observability.logs": {
        "enabled": _field("boolean"),
        "head_sampling_rate": _field("number"),
        "invocation_logs": _field("boolean"),
        "destinations": _field("strings"),
        "persist": _field("boolean"),
    },
    "observability.traces": {
        "enabled": _field("boolean"),
        "head_sampling_rate": _field("number"),
        "destinations": _field("strings"),
        "persist": _field("boolean"),
    },
    "placement": {
        "mode": _choice("off", "smart", "targeted"),
        "hint": _field("string"),
        "region": _field("string"),
        "host": _field("string"),
        "hostname": _field("string"),
    },
    "python_modules": {"exclude": _field("strings")},
    "queues": {"producers": _field("array"), "consumers": _field("array")},
    "queues.consumers[]": {
        "queue": _required("string"),
        "type": _choice("worker"),
        "max_batch_size": _field("number"),
        "max_batch_timeout": _field("number"),
        "max_retries": _field("number"),
        "dead_letter_queue": _field("string"),
        "max_concurrency": _field("number"),
        "visibility_timeout_ms": _field("number"),
        "retry_delay": _field("number"),
    },
    "ratelimits[].simple": {"limit": _required("number"), "period": _required("number", 10, 60)},
    "rules[]": {
        "type": _required(
            "string",
            "ESModule",
            "CommonJS",
            "CompiledWasm",
            "Text",
            "Data",
            "PythonModule",
            "PythonRequirement",
        ),
        "globs": _required("strings"),
        "fallthrough": _field("boolean"),
    },
    "secrets": {"required": _field("strings")},
    "streaming_tail_consumers[]": {"service": _required("string")},
    "tail_consumers[]": {"service": _required("string"), "environment": _field("string")},
    "triggers": {"crons": _field("strings"), "events": _field("array")},
    "unsafe": {
        "bindings": _field("array"),
        "metadata": _field("object"),
        "capnp": _field("object"),
    },
}
"""The fields of tables that have a fixed set; `[]` stands for each item of a list.

What the sections of bindings hold is in their own table.
"""
