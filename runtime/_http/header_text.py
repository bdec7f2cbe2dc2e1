"""Header values that are not UTF-8."""

__all__ = ["clean_header"]


def clean_header(value: str) -> str:
    """Return a value as aiohttp has decoded it, without lone surrogates.

    Those stand for bytes that are not UTF-8: the value is then read as Latin-1, which HTTP once
    was. So it can be compared, shown and sent on.
    """
    if value.isascii():
        return value
    octets = value.encode("utf-8", "surrogateescape")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
