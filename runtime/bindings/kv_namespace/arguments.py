"""Arguments that several commands have."""

import json
from typing import Annotated, Any, TypeAlias

import typer

from kvstore import KVError
from kvstore.limits import checked_key

__all__ = ["Expiration", "Force", "Key", "Metadata", "Prefix", "Ttl"]


def _as_utf8(text: str | None) -> str | None:
    try:
        if text is not None:
            text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("it is not UTF-8") from None
    return text


def _as_key(key: str) -> str:
    try:
        checked_key(_as_utf8(key), "GET")
    except TypeError as error:
        raise typer.BadParameter(str(error)) from None
    except KVError:
        # Told by the call itself, with its own verb.
        return key
    return key


def _as_json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"it is not JSON: {error}") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


Key: TypeAlias = Annotated[str, typer.Argument(metavar="KEY", callback=_as_key, help="The key.")]
Prefix: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TEXT", callback=_as_utf8, help="Only keys that start with it."),
]
# What is no whole number is refused by KV, in its words.
Ttl: TypeAlias = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="How long it is to be kept.")
]
Expiration: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="When it is to be gone, in seconds since the epoch."),
]
Metadata: TypeAlias = Annotated[
    Any, typer.Option(metavar="JSON", parser=_as_json, help="What is kept beside the value.")
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", "-f", "--yes", "-y", help="Do not ask.")]
