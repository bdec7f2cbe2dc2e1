"""What can be set: secrets and vars, all of them optional, so that a missing one can be told."""

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from pydantic import SecretStr

from identity import DEFAULT_ISSUER
from workerkit import Cors, Origins, WorkerSettings

__all__ = ["Settings", "SettingsReader"]

_DEVELOPMENT: Final = "development"
_METHODS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
_HEADERS: Final = ("Content-Type", "Authorization", "X-Service-Key", "X-Requested-With")
_EXPOSE_HEADERS: Final = ("X-Encrypted", "Location")
_NOT_SET: Final = SecretStr("")


class Settings(WorkerSettings):
    """The worker's settings. A secret that is missing is empty: see `problems_of_setup`."""

    JWT_SECRET: SecretStr = _NOT_SET
    SERVICE_API_KEY: SecretStr = _NOT_SET
    JWT_ISSUER: str = DEFAULT_ISSUER
    ENVIRONMENT: str = "production"
    ALLOWED_ORIGINS: str = ""

    @property
    def is_development(self) -> bool:
        """Whether this runs on somebody's own machine."""
        return self.ENVIRONMENT == _DEVELOPMENT

    @cached_property
    def cors(self) -> Cors:
        """What pages of other origins may do; an entry that is no origin does nothing."""
        origins, _ = self._origins
        return Cors(
            origins=origins,
            methods=_METHODS,
            headers=_HEADERS,
            expose_headers=_EXPOSE_HEADERS,
        )

    @property
    def problems_of_setup(self) -> dict[str, str]:
        """What is wrong with each setting that is; no value is repeated."""
        found = {
            name: "missing" for name, secret in self._secrets() if not secret.get_secret_value()
        }
        _, faults = self._origins
        if faults:
            found["ALLOWED_ORIGINS"] = f"{faults} of its entries are no origin"
        return found

    def _secrets(self) -> Iterable[tuple[str, SecretStr]]:
        return (("JWT_SECRET", self.JWT_SECRET), ("SERVICE_API_KEY", self.SERVICE_API_KEY))

    @cached_property
    def _origins(self) -> tuple[Origins, int]:
        items = [item for item in map(str.strip, self.ALLOWED_ORIGINS.split(",")) if item]
        if not items and self.is_development:
            items = ["*"]
        return Origins.parse_valid(items)


class SettingsReader:
    """Reads settings from `env`, and again only from another one in which something differs.

    A runtime may make an `env` for each request, or one for as long as nothing is set anew.
    """

    __slots__ = ("_env", "_settings", "_values")

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._env: object = None
        self._values: list[object] = []
        self._settings = Settings()

    def read(self, env: object) -> Settings:
        """Return what is set on `env`; raises workerkit's SettingsError for what is no text."""
        if env is self._env:
            return self._settings
        values = [getattr(env, name, None) for name in Settings.model_fields]
        if values != self._values:
            self._settings = Settings.from_env(env)
            self._values = values
        self._env = env
        return self._settings
