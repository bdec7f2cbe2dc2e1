"""What a binding says, and which namespace it means."""

from dataclasses import dataclass
from typing import Final, TypeGuard

from runtime.plugins import Diagnostics, Mode, RawBinding

__all__ = ["KIND", "KvNamespaceSpec", "MAX_ID_BYTES", "is_id", "meant_id", "parse_spec"]

KIND: Final = "kv_namespace"

MAX_ID_BYTES: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class KvNamespaceSpec:
    """Which namespace a binding means; `preview_id` stands in its place in local development."""

    id: str
    preview_id: str | None


def parse_spec(raw: RawBinding, report: Diagnostics) -> KvNamespaceSpec | None:
    """Return the spec; an id that is missing or too long is reported."""
    id_ = raw.fields.get("namespace_id")
    preview_id = raw.fields.get("preview_id")
    for given in (id_,) if preview_id is None else (id_, preview_id):
        if not is_id(given):
            report.add_error(
                f'The KV namespace "{raw.name}" needs an id of 1 to {MAX_ID_BYTES} bytes, '
                f"got {given!r}.",
                raw.position,
            )
            return None
    return KvNamespaceSpec(id=str(id_), preview_id=preview_id)


def is_id(given: object) -> TypeGuard[str]:
    """Tell whether this can be the id of a namespace."""
    if not isinstance(given, str):
        return False
    try:
        return 0 < len(given.encode()) <= MAX_ID_BYTES
    except UnicodeEncodeError:
        return False


def meant_id(spec: KvNamespaceSpec, mode: Mode) -> str:
    """Return the id of the namespace that a binding means, to workers and to commands alike."""
    if mode == "dev" and spec.preview_id is not None:
        return spec.preview_id
    return spec.id
