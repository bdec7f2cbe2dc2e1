"""Which variables are secrets by the look of them."""

import re

__all__ = ["looks_like_secret"]

_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(
    r"(?:^|[_-])(?:secret|token|pass(?:w(?:or)?d|phrase)?|credentials?"
    r"|(?:api|access|secret|private|signing|encryption|master|jwt|hmac)[_-]?key)$",
    re.IGNORECASE,
)
# What stands where a secret would, and is none.
_PLACEHOLDER = re.compile(
    r"\s*(?:<.*>|\$?\{.*\}|\[.*\]|\W*|x+|your[ _-].*|change[ _-]?me|todo|none|null|n/?a"
    r"|true|false|yes|no|on|off|\d{1,4}|placeholder|(?:set|see)\b.*|https?://[^?#@]*)\s*",
    re.IGNORECASE | re.DOTALL,
)
# Tokens that say by their first characters what they are, PEM, and passwords in URLs; what is only
# reached on the same machine is no secret.
_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^\s*(?:(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{10,}"
    r"|gh[oprsu]_[0-9A-Za-z]{30,}|github_pat_[0-9A-Za-z_]{20,}|glpat-[0-9A-Za-z_-]{20,}"
    r"|xox[abeprs]-[0-9A-Za-z-]{10,}|sk-[0-9A-Za-z_-]{20,}|npm_[0-9A-Za-z]{30,}"
    r"|whsec_[0-9A-Za-z+/=]{20,}|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,})\s*$"
    r"|\b[a-z][a-z0-9+.-]{0,20}://[^/?#\s:@]*:(?![<{$])[^/?#\s@]+@"
    r"(?!localhost\b|127\.0\.0\.1\b|\[::1\])"
)


def looks_like_secret(name: str, value: object) -> bool:
    """Return whether a variable is a secret by its name or by its value; a guess, on the safe side.

    Only texts are: a name such as `API_KEY` with anything but an obvious placeholder, and whatever
    the name, a private key, a token of a well-known form, or a URL with a password in it.
    """
    if not isinstance(value, str):
        return False
    if _VALUE.search(value) is not None:
        return True
    words = _CAMEL_HUMP.sub("_", name)
    return _NAME.search(words) is not None and _PLACEHOLDER.fullmatch(value) is None
