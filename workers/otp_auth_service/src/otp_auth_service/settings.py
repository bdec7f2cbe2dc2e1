"""The settings of the service, as they stand on its `env`."""

from collections.abc import Awaitable
from functools import cached_property
from typing import Annotated, Any, Final, Protocol, Self

from pydantic import SecretStr, model_validator

from identity import DEFAULT_ISSUER
from workerkit import Binding, KVNamespace, Origins, Service, WorkerSettings

__all__ = ["MailBinding", "Settings"]

_MIN_SECRET_BYTES: Final = 32
_DEVELOPMENT: Final = "development"
_PLACES_FOR_A_FIXED_CODE: Final = frozenset({_DEVELOPMENT, "test"})
_CUSTOMER_API: Final = "https://customer.idling.app"


class _SendEmail(Protocol):
    """What a `send_email` binding can do."""

    def send(self, message: Any, /) -> Awaitable[Any]:
        """Hand a message over for delivery."""


MailBinding = Annotated[_SendEmail, Binding("send_email", "send")]
"""The binding that sends mails."""


class Settings(WorkerSettings):
    """Everything that the service can be told; a mistake keeps it from starting."""

    JWT_SECRET: SecretStr
    SERVICE_API_KEY: SecretStr
    RESEND_API_KEY: SecretStr | None = None
    SUPER_ADMIN_API_KEY: SecretStr | None = None

    ENVIRONMENT: str = "production"
    JWT_ISSUER: str = DEFAULT_ISSUER
    ALLOWED_ORIGINS: list[str] | None = None
    CUSTOMER_API_URL: str = _CUSTOMER_API
    RESEND_FROM_EMAIL: str | None = None
    SUPER_ADMIN_EMAILS: list[str] = []
    VITE_CUSTOMER_API_URL: str = _CUSTOMER_API
    E2E_TEST_OTP_CODE: str | None = None

    OTP_AUTH_KV: KVNamespace
    CUSTOMER_API: Service | None = None
    EMAIL: MailBinding | None = None

    @property
    def is_development(self) -> bool:
        """Whether this is somebody's own machine."""
        return self.ENVIRONMENT == _DEVELOPMENT

    @cached_property
    def origins(self) -> Origins:
        """The pages that may call the service; what is listed and is no origin does nothing."""
        if self.ALLOWED_ORIGINS is None:
            return Origins(any=self.is_development)
        return Origins.parse_valid(self.ALLOWED_ORIGINS)[0]

    @model_validator(mode="after")
    def _check(self) -> Self:
        secret = self.JWT_SECRET.get_secret_value()
        if not self.is_development and len(secret.encode()) < _MIN_SECRET_BYTES:
            raise ValueError(f"JWT_SECRET has {_MIN_SECRET_BYTES} bytes at least")
        code = self.E2E_TEST_OTP_CODE
        if code is not None:
            if self.ENVIRONMENT not in _PLACES_FOR_A_FIXED_CODE:
                raise ValueError("E2E_TEST_OTP_CODE is for ENVIRONMENT test and development only")
            if len(code) != 6 or not (code.isascii() and code.isdigit()):
                raise ValueError("E2E_TEST_OTP_CODE has six digits")
        return self
