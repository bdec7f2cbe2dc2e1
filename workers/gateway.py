"""What the adapters for ASGI and WSGI applications have in common."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = ["BaseOptions", "EncodeBody"]

EncodeBody: TypeAlias = Literal["automatic", "manual"]
"""Whether Cloudflare encodes a body as its Content-Encoding header says."""


@dataclass(frozen=True, kw_only=True)
class BaseOptions:
    """Options of both adapters; raises ValueError for an `encode_body` that is neither word.

    `encode_body` means something on Cloudflare alone: here a body is sent as the application made
    it, which is what "manual" asks for.
    """

    encode_body: EncodeBody = "automatic"

    def __post_init__(self) -> None:
        known = get_args(EncodeBody)
        if self.encode_body not in known:
            raise ValueError(
                f"encode_body must be one of {', '.join(known)}, not {self.encode_body!r}"
            )
