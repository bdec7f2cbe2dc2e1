"""What customer-api and otp-auth-service share: tokens, encrypted responses, the client."""

from identity.credentials import bearer_token, is_same_secret
from identity.customers import (
    BLOCKED_STATUSES,
    Customer,
    CustomerApiClient,
    CustomerService,
    ServiceCustomers,
    TokenCustomers,
)
from identity.emails import hash_email, is_email, normalise_email
from identity.encryption import ResponseCipher, compact_json
from identity.errors import CustomerApiError, DecryptionError, IdentityError, TokenError
from identity.privacy import public_path, without_emails
from identity.times import iso_time
from identity.tokens import (
    DEFAULT_ISSUER,
    TOKEN_LIFE_S,
    Claims,
    hash_token,
    issue_token,
    proper_form,
    verify_token,
)
from identity.verification import TokenVerifier

__all__ = [
    "BLOCKED_STATUSES",
    "Claims",
    "Customer",
    "CustomerApiClient",
    "CustomerApiError",
    "CustomerService",
    "DEFAULT_ISSUER",
    "DecryptionError",
    "IdentityError",
    "ResponseCipher",
    "ServiceCustomers",
    "TOKEN_LIFE_S",
    "TokenCustomers",
    "TokenError",
    "TokenVerifier",
    "bearer_token",
    "compact_json",
    "hash_email",
    "hash_token",
    "is_email",
    "is_same_secret",
    "iso_time",
    "issue_token",
    "normalise_email",
    "proper_form",
    "public_path",
    "verify_token",
    "without_emails",
]
