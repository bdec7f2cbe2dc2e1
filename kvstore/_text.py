"""UTF-8 as JavaScript makes it."""

__all__ = ["utf8"]


def utf8(text: str) -> bytes:
    """Return `text` in UTF-8; a lone surrogate becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
