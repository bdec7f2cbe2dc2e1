"""The key `migrations`: what became of the classes of durable objects."""

from pydantic import Field

from wrangler_compat.config.model.parts import ConfigTable

__all__ = ["Migration", "RenamedClass", "TransferredClass"]


class RenamedClass(ConfigTable):
    """A class that has another name from now on."""

    old: str = Field(alias="from")
    new: str = Field(alias="to")


class TransferredClass(ConfigTable):
    """A class that was another worker's before."""

    old: str = Field(alias="from")
    old_worker: str = Field(alias="from_script")
    new: str = Field(alias="to")


class Migration(ConfigTable):
    """One step, known by its tag."""

    tag: str
    new_classes: tuple[str, ...] = ()
    new_sqlite_classes: tuple[str, ...] = ()
    renamed_classes: tuple[RenamedClass, ...] = ()
    deleted_classes: tuple[str, ...] = ()
    transferred_classes: tuple[TransferredClass, ...] = ()
