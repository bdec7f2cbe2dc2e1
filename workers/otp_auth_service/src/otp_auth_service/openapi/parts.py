"""The parts of which the description is put together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "JSON",
    "NUMBER",
    "Operation",
    "PROBLEM",
    "Schema",
    "TEXT",
    "TIME",
    "array",
    "either",
    "mapping",
    "nullable",
    "record",
    "ref",
]

Schema = dict[str, Any]

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

TEXT: Final[Schema] = {"type": "string"}
INTEGER: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "examples": ["2026-01-31T12:00:00.000Z"],
}


def record(
    members: Mapping[str, Schema], *, optional: Iterable[str] = (), is_open: bool = False
) -> Schema:
    """Return an object with exactly these members; one that `is_open` may have others beside."""
    left_out = set(optional)
    schema: Schema = {
        "type": "object",
        "properties": dict(members),
        "required": [name for name in members if name not in left_out],
    }
    return schema if is_open else {**schema, "additionalProperties": False}


def array(items: Schema) -> Schema:
    """Return a list of `items`."""
    return {"type": "array", "items": items}


def mapping(values: Schema) -> Schema:
    """Return an object whose names are anything."""
    return {"type": "object", "additionalProperties": values}


def nullable(schema: Schema) -> Schema:
    """Return what may also be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def either(*schemas: Schema) -> Schema:
    """Return what is one of several."""
    return {"anyOf": list(schemas)}


def ref(name: str) -> Schema:
    """Return what stands in the description under a name."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a method on a path does.

    `answer` is the schema of the success, a media type where it is no JSON, None for none. `plain`
    are the statuses of errors as `{"error": …}`, `problems` those of problems; one may be both.
    `more` are other answers than these, by status. `body` is the schema of what is sent, by `media`
    type. `who` names ways to show who is asking, each good by itself.
    """

    method: str
    path: str
    tag: str
    summary: str
    answer: Schema | str | None
    plain: tuple[int, ...] = ()
    problems: tuple[int, ...] = ()
    body: Schema | None = None
    media: tuple[str, ...] = (JSON,)
    query: Mapping[str, Schema] = field(default_factory=dict)
    who: tuple[str, ...] = ()
    more: Mapping[int, Schema] = field(default_factory=dict)
    may_encrypt: bool = False
