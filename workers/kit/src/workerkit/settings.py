"""Typed settings of a worker, read from its `env`.

This module imports pydantic-settings; `workerkit` imports it when `WorkerSettings` is asked for.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeVar

from pydantic import (
    AliasChoices,
    AliasPath,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from workerkit.errors import SettingsError
from workerkit.setting_faults import Setting, binding_of, describe_faults

__all__ = ["WorkerSettings"]

_SettingsT = TypeVar("_SettingsT", bound="WorkerSettings")

_ABSENT = object()
# What pydantic calls a text that stands where several values, or an object, should.
_NO_LIST = frozenset(("frozen_set_type", "list_type", "set_type", "tuple_type"))
_NO_OBJECT = frozenset(
    ("dataclass_type", "dict_type", "mapping_type", "model_attributes_type", "model_type")
)


class WorkerSettings(BaseSettings):
    """Base class for the settings of a worker: fields are names on `env`.

    ```python
    class Settings(WorkerSettings):
        JWT_SECRET: SecretStr
        ALLOWED_ORIGINS: list[str] = []
        CUSTOMER_KV: KVNamespace

    settings = Settings.from_env(self.env)
    ```

    A field is looked up as it is written, then in capitals, then in small letters; one that is
    written in small letters, in capitals first. One with an alias, or in a class with
    `case_sensitive=True`, is looked up exactly so. `env_prefix` stands before names that are no
    alias. Texts become what the field wants: numbers, booleans, lists (separated by commas, or
    JSON), models and dicts (JSON). Variables that are JSON in the config are taken as they are.

    Nothing but `env` is read: no process environment, no files. Settings cannot be changed, and
    their `repr` has names only, for any text may be a secret.
    """

    model_config = SettingsConfigDict(
        arbitrary_types_allowed=True,
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    def __init__(self, **values: Any) -> None:
        """Check values that are given by name, as tests do; raise pydantic's ValidationError."""
        # Not that of BaseSettings: it reads the process's environment, and can log what it finds.
        super(BaseSettings, self).__init__(**values)

    @classmethod
    def from_env(cls, env: object) -> Self:
        """Return the settings that stand on `env`, or on a mapping in its place.

        Raises [`SettingsError`][workerkit.SettingsError] that names every field which is missing
        or wrong and what sets it. It holds no value of any field.
        """
        settings = _read(cls, env)
        if isinstance(settings, list):
            # Raised where a traceback leads to no value: no cause, no context, no local variable.
            raise SettingsError(cls.__name__, settings)
        return settings

    @field_validator("*", mode="wrap")
    @classmethod
    def _decode(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            if not isinstance(value, str):
                raise
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            decoded = _decoded(value, {fault["type"] for fault in faults})
            if decoded is _ABSENT:
                raise
        return check(decoded)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(type(self).model_fields)}>"

    __str__ = __repr__


def _read(cls: type[_SettingsT], env: object) -> _SettingsT | list[str]:
    """Return the settings, or what is wrong with them."""
    settings: dict[str, Setting] = {}
    values: dict[str, object] = {}
    for field_name, field in cls.model_fields.items():
        for key, names in _names(cls, field_name, field):
            name, value = _look_up(env, names)
            if value is _ABSENT:
                settings[key] = Setting(name, field)
            else:
                values[key] = value if binding_of(field) else _plain(value)
                settings[key] = Setting(name, field, values[key])
    try:
        return cls(**values)
    except ValidationError as error:
        return describe_faults(error.errors(include_url=False, include_input=False), settings)


def _names(
    cls: type[WorkerSettings], field_name: str, field: FieldInfo
) -> Iterator[tuple[str, list[str]]]:
    """Yield under which keys pydantic takes a field, each with its names on `env`.

    The first name of each is the one that people are told where none is there.
    """
    alias = field.validation_alias
    if alias is not None:
        for choice in alias.choices if isinstance(alias, AliasChoices) else [alias]:
            key = str(choice.path[0]) if isinstance(choice, AliasPath) else choice
            yield key, [key]
        return
    name = f"{cls.model_config.get('env_prefix', '')}{field_name}"
    if cls.model_config.get("case_sensitive"):
        yield field_name, [name]
    elif field_name.islower():
        yield field_name, [name.upper(), name, name.lower()]
    else:
        yield field_name, [name, name.upper(), name.lower()]


def _look_up(env: object, names: list[str]) -> tuple[str, object]:
    """Return the first name that is there, with what stands under it, else `_ABSENT`."""
    # By name only: on Cloudflare `env` is a proxy that need not tell what is on it.
    for name in names:
        if isinstance(env, Mapping):
            value = env.get(name, _ABSENT)
        else:
            value = getattr(env, name, _ABSENT)
        if value is not _ABSENT:
            return name, value
    return names[0], _ABSENT


def _plain(value: Any) -> object:
    """Return Python's own form of what is a JavaScript object on Cloudflare: a JSON variable."""
    # The class is asked: a binding that cannot be used here raises for every name.
    return value.to_py() if hasattr(type(value), "to_py") else value


def _decoded(text: str, faults: set[str]) -> object:
    """Return what a text stands for where pydantic wants no text, or `_ABSENT`."""
    if faults & _NO_LIST and not text.lstrip().startswith("["):
        return [item for item in map(str.strip, text.split(",")) if item]
    if faults & (_NO_LIST | _NO_OBJECT):
        try:
            return json.loads(text)
        except ValueError:
            return _ABSENT
    return _ABSENT
