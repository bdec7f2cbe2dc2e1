"""One request on its way: in whose name it comes, and what its handler works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from pydantic import SecretStr

from identity import (
    Claims,
    CustomerApiClient,
    ResponseCipher,
    TokenError,
    bearer_token,
    hash_email,
    is_same_secret,
    normalise_email,
)
from otp_auth_service.accounts import Accounts
from otp_auth_service.activity import Activity
from otp_auth_service.codes import Codes
from otp_auth_service.keys import TenantKeys, hash_ip
from otp_auth_service.names import DisplayNames
from otp_auth_service.rate_limits import RateLimits, Requester
from otp_auth_service.refusals import Refusal, json_response, text_response
from otp_auth_service.sessions import Sessions
from otp_auth_service.settings import Settings
from otp_auth_service.store import Store
from otp_auth_service.tenants import API_KEY_PREFIX, ApiKeys, Tenant, TenantCache
from otp_auth_service.users import User, Users
from workerkit import KeyedLocks, read_object
from workers import Context, Request, Response

__all__ = ["Admin", "Call", "Resources"]

_UNKNOWN_IP: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What lives as long as the loaded worker."""

    clock: Callable[[], float]
    cipher: ResponseCipher
    locks: KeyedLocks = field(default_factory=KeyedLocks)
    tenants: TenantCache = field(default_factory=TenantCache)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Somebody who administers: their own tenant, or, as super admin, all of them."""

    customer_id: str | None
    user_id: str
    email: str
    token: str | None
    expires_at: float
    is_super: bool

    def require_customer(self, customer_id: str) -> None:
        """Raise Refusal 403 unless that customer may be administered."""
        if not self.is_super and self.customer_id != customer_id:
            raise self.refusal()

    def refusal(self) -> Refusal:
        """Return the refusal of what is somebody else's."""
        return Refusal(403, "You can administer your own account only")

    def require_super(self) -> None:
        """Raise Refusal 403 for everybody but a super admin."""
        if not self.is_super:
            raise Refusal(403, "Super admin access required")


class Call:
    """A request, the settings that it is answered by, and the parts of the service for its tenant.

    Everything that is stored goes under the tenant's keys where an API key named one.
    """

    def __init__(
        self, request: Request, ctx: Context, settings: Settings, resources: Resources
    ) -> None:
        """`identify_tenant` comes next, before any part that depends on the tenant."""
        self.request = request
        self.ctx = ctx
        self.settings = settings
        self.resources = resources
        self.tenant: Tenant | None = None

    # Who is asking

    async def identify_tenant(self) -> None:
        """Find out in whose name the request comes, if an API key says so.

        Raises Problem where the key is not valid, or does not let this address in.
        """
        text = self.request.headers.get("x-otp-api-key") or bearer_token(self.request)
        if text is None or (
            not text.startswith(API_KEY_PREFIX) and "x-otp-api-key" not in self.request.headers
        ):
            return
        self.tenant = await self.api_keys.identify(text)
        self.tenant.require_ip(self.ip)
        self.later(self.api_keys.touch(self.tenant))

    @property
    def ip(self) -> str:
        """The client's address, as the edge tells it; nothing that a client sends is believed."""
        return self.request.headers.get("cf-connecting-ip") or _UNKNOWN_IP

    def requester(self, email: str) -> Requester:
        """Return who asks for a code, as hashes."""
        return Requester(hash_email(email), hash_ip(self.ip))

    def token(self) -> str:
        """Return the token that the request carries; raise Refusal 401 where it carries none."""
        token = bearer_token(self.request)
        if token is None or token.startswith(API_KEY_PREFIX):
            raise Refusal(401, "Authorization header required")
        return token

    async def claims(self) -> Claims:
        """Return what the request's token says; raise Refusal 401 where there is no valid one."""
        try:
            return await self.sessions.verify(self.token())
        except TokenError:
            raise Refusal(401, "Invalid or expired token") from None

    async def user(self) -> tuple[str, User]:
        """Return the user of the request's token, behind the hash of the address.

        Raises Refusal 401 where there is no valid token, 404 where there is no such user.
        """
        return await self.user_of(await self.claims())

    async def user_of(self, claims: Claims) -> tuple[str, User]:
        """Return the user whom a token names; raise Refusal 404 where there is none."""
        email_hash = hash_email(claims.email)
        user = await self.users.get(email_hash)
        if user is None or user.userId != (claims.user_id or claims.sub):
            raise Refusal(404, "User not found")
        return email_hash, user

    async def admin(self) -> Admin:
        """Return who administers; raise Refusal 401 for anybody else."""
        token = self.token()
        if _knows(token, self.settings.SUPER_ADMIN_API_KEY):
            return Admin(
                customer_id=None,
                user_id="super-admin",
                email="",
                token=None,
                expires_at=0.0,
                is_super=True,
            )
        claims = await self.claims()
        supers = set(map(normalise_email, self.settings.SUPER_ADMIN_EMAILS))
        email = normalise_email(claims.email)
        return Admin(
            customer_id=claims.customer_id or None,
            user_id=claims.user_id or claims.sub,
            email=email,
            token=token,
            expires_at=claims.exp,
            is_super=bool(email) and email in supers,
        )

    def is_service(self) -> bool:
        """Tell whether another service asks, by its key."""
        key = self.request.headers.get("x-service-key")
        return key is not None and _knows(key, self.settings.SERVICE_API_KEY)

    # What it works with

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys."""
        return TenantKeys(None if self.tenant is None else self.tenant.customer_id)

    @cached_property
    def store(self) -> Store:
        """The namespace of the service."""
        return Store(self.settings.OTP_AUTH_KV)

    @cached_property
    def accounts(self) -> Accounts:
        """Customers, in customer-api."""
        client = CustomerApiClient(
            binding=self.settings.CUSTOMER_API,
            url=self.settings.CUSTOMER_API_URL,
            cipher=self.resources.cipher,
        )
        key = self.settings.SERVICE_API_KEY.get_secret_value()
        return Accounts(client.with_service_key(key))

    @cached_property
    def api_keys(self) -> ApiKeys:
        """The API keys of all tenants."""
        resources = self.resources
        return ApiKeys(
            self.store, self.accounts, resources.tenants, resources.locks, clock=resources.clock
        )

    @cached_property
    def users(self) -> Users:
        """The tenant's users."""
        return Users(self.store, self.keys, clock=self.resources.clock)

    @cached_property
    def display_names(self) -> DisplayNames:
        """The names of the tenant's users."""
        return DisplayNames(
            self.store,
            self.keys,
            self.users,
            self.resources.locks,
            clock=self.resources.clock,
        )

    @cached_property
    def codes(self) -> Codes:
        """The tenant's codes."""
        return Codes(
            self.store,
            self.keys,
            self.settings.JWT_SECRET.get_secret_value(),
            clock=self.resources.clock,
            fixed_code=self.settings.E2E_TEST_OTP_CODE,
        )

    @cached_property
    def limits(self) -> RateLimits:
        """The tenant's rate limits."""
        return RateLimits(self.store, self.keys, self.resources.locks, clock=self.resources.clock)

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of the tenant's users."""
        return Sessions(
            self.store,
            self.keys,
            self.resources.locks,
            secret=self.settings.JWT_SECRET.get_secret_value(),
            issuer=self.settings.JWT_ISSUER,
            clock=self.resources.clock,
        )

    def for_tenant(self, customer_id: str | None) -> "Call":
        """Return the same request with the parts for a tenant that need not have sent it."""
        other = Call(self.request, self.ctx, self.settings, self.resources)
        other.keys = TenantKeys(customer_id)
        return other

    def activity(self, customer_id: str | None) -> Activity:
        """Return the activity of a tenant; None is that of sign-ins without one."""
        return Activity(self.store, self.resources.locks, customer_id, clock=self.resources.clock)

    @cached_property
    def tenant_activity(self) -> Activity:
        """The activity of the tenant in whose name the request comes."""
        return self.activity(None if self.tenant is None else self.tenant.customer_id)

    # What it answers

    async def read_object(self) -> dict[str, Any]:
        """Return the JSON object of the body; raise Problem 400 or 413 where there is none."""
        return await read_object(self.request)

    def later(self, work: Awaitable[Any]) -> None:
        """Do `work` after the answer has gone out."""
        self.ctx.waitUntil(work)

    async def answer_admin(self, admin: Admin, data: Any) -> Response:
        """Answer an administrator: encrypted where that was asked for, by a token's holder."""
        wanted = self.request.headers.get("x-encrypt-response", "").lower() == "true"
        if not wanted or admin.token is None:
            return json_response(data, is_private=True)
        text = await self.resources.cipher.encrypt(data, admin.token, expires_at=admin.expires_at)
        return text_response(text, is_private=True, headers={"X-Encrypted": "true"})


def _knows(given: str, secret: SecretStr | None) -> bool:
    return secret is not None and is_same_secret(given, secret.get_secret_value())
