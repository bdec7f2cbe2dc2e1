"""What all parts of a configuration have in common."""

from pydantic import BaseModel, ConfigDict

__all__ = ["ConfigPart", "ConfigTable"]


class ConfigPart(BaseModel):
    """A part of a configuration; it never changes, `model_copy(update=…)` makes another one.

    The reader checks values in wrangler's words before a part is made of them, so that nobody ever
    sees a message of pydantic's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class ConfigTable(ConfigPart):
    """A part that is a table of the file; a field that wrangler does not know is left out."""

    model_config = ConfigDict(extra="ignore")
