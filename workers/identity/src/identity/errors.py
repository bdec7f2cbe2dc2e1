"""What the shared code refuses.

IdentityError
├── TokenError           a token that is not valid, or no longer
├── DecryptionError      a response that the token does not open
└── CustomerApiError     what customer-api answered instead of what it was asked for
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

__all__ = ["CustomerApiError", "DecryptionError", "IdentityError", "TokenError"]


class IdentityError(Exception):
    """Root of the shared code's own errors; `code` is stable."""

    code: ClassVar[str] = "identity_error"


class TokenError(IdentityError):
    """A token is malformed, expired, signed by somebody else, or not of this issuer."""

    code: ClassVar[str] = "token_invalid"


class DecryptionError(IdentityError):
    """A response cannot be decrypted with this token."""

    code: ClassVar[str] = "decryption_failed"


class CustomerApiError(IdentityError):
    """customer-api refused, or could not be reached: then `status` is 503.

    `problem_code` is the extension member `code` of the problem, where it had one, and `errors`
    what it said of single fields.
    """

    code: ClassVar[str] = "customer_api"

    def __init__(
        self,
        status: int,
        detail: str,
        problem_code: str | None = None,
        errors: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(f"customer-api answered {status}: {detail}")
        self.status = status
        self.detail = detail
        self.problem_code = problem_code
        self.errors = tuple(errors)
