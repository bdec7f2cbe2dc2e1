"""Which known name of a config an unknown one was meant to be."""

from collections import Counter
from collections.abc import Iterable, Mapping

from wrangler_compat.config.keys import FIELDS
from wrangler_compat.config.sections import BINDING_SECTIONS

__all__ = ["nearest_name", "unique_fields"]

# How alike two texts must be, of 1: for a slip of the finger, and for a guess.
_SLIP = 0.8
_GUESS = 0.7
# What people say, and wrangler calls otherwise.
_SYNONYMS = {"environment": "env", "environments": "env", "variables": "vars"}


def nearest_name(
    name: str, known: Iterable[str], fields: Mapping[str, str] | None = None
) -> str | None:
    """Return the known name that a misspelt or shortened one was probably meant to be.

    A slip of the finger counts more than words in common (`kv` is `kv_namespaces`), and these more
    than mere likeness. `fields` are names one level deeper, each with the path to it, such as
    `crons` of `triggers.crons`; for one of them a name has to be nearly the same.
    """
    name, fields = name.lower(), fields or {}
    names = {one.lower(): one for one in sorted(known)}
    if near := _alike(name, names, _SLIP) or _with_words_of(name, names):
        return names[near]
    if near := _alike(name, fields, _SLIP):
        return fields[near]
    near = _alike(name, names, _GUESS)
    return None if near is None else names[near]


def unique_fields() -> Mapping[str, str]:
    """Return each field that one table of the config alone has, with the path to it."""
    paths = [
        (field, f"{table}.{field}")
        for table, fields in FIELDS.items()
        if "[]" not in table
        for field in fields
    ]
    counts = Counter(field for field, _ in paths)
    # What every binding has does not say which of them is meant.
    counts.update(section.name_field for section in BINDING_SECTIONS)
    return {field: path for field, path in paths if counts[field] == 1}


def _alike(name: str, names: Iterable[str], cutoff: float) -> str | None:
    from difflib import get_close_matches  # only a misspelt config pays for this import

    said = [word for word, meant in _SYNONYMS.items() if meant in names]
    close = get_close_matches(name, [*names, *said], n=1, cutoff=cutoff)
    return _SYNONYMS.get(close[0], close[0]) if close else None


def _with_words_of(name: str, names: Iterable[str]) -> str | None:
    """Return what begins with the words of a name or has them in it, else what ends or begins it.

    Only where there is one such name.
    """
    begun = [one for one in names if one.startswith(f"{name}_")]
    holding = [one for one in names if f"_{name}_" in f"_{one}_"]
    ending = [one for one in names if name.endswith(f"_{one}")]
    beginning = [one for one in names if name.startswith(f"{one}_")]
    return next((few[0] for few in (begun, holding, ending, beginning) if len(few) == 1), None)
