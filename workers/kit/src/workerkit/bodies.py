"""Bodies of requests: JSON objects of a bounded size."""

import json
from typing import Any, Final, NoReturn

from workerkit.problems import Problem
from workers import Request

__all__ = ["read_body", "read_object"]

_MAX_BYTES: Final = 64 * 1024
_MAX_DEPTH: Final = 64
_NO_JSON: Final = "The body is not valid JSON"


async def read_object(request: Request, *, max_bytes: int = _MAX_BYTES) -> dict[str, Any]:
    """Return the JSON object that a request brings.

    Raises Problem 413 for a body over `max_bytes`, 400 for one that is no JSON object in UTF-8, or
    that could not be written again as such.
    """
    raw = await read_body(request, max_bytes=max_bytes)
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse_constant)
        # What JSON can say and UTF-8 cannot (half a surrogate pair), or a number that is too large.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Problem(400, _NO_JSON) from None
    if not isinstance(value, dict):
        raise Problem(400, "The body must be a JSON object")
    if _is_deep(value):
        raise Problem(400, f"The body nests over {_MAX_DEPTH} deep")
    return value


async def read_body(request: Request, *, max_bytes: int = _MAX_BYTES) -> bytes:
    """Return the body of a request; raise Problem 413 for one over `max_bytes`."""
    # Not compared with None: on Cloudflare no body is JavaScript's null.
    if not request.body:
        return b""
    chunks, size = [], 0
    async for chunk in request.body:
        size += len(chunk)
        if size > max_bytes:
            raise Problem(413, f"The body is over {max_bytes} bytes")
        # On Cloudflare a chunk is an array of JavaScript's.
        chunks.append(chunk.to_bytes())
    return b"".join(chunks)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return True
