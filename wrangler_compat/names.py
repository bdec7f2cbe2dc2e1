"""How workers may be called."""

import re
import unicodedata

__all__ = ["MAX_WORKER_NAME_LENGTH", "suggest_worker_name"]

# A worker's name is a label of its host below workers.dev, and DNS has no longer ones.
MAX_WORKER_NAME_LENGTH = 63


def suggest_worker_name(text: str) -> str:
    """Return a valid name as close to `text` as can be: lower case, words joined by dashes.

    Accents are dropped. Empty where `text` has neither a Latin letter nor a digit.
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:MAX_WORKER_NAME_LENGTH].rstrip("-")
