"""A user's preferences: what a client wants to find again."""

from typing import Final

from identity import compact_json
from otp_auth_service.calls import Call
from otp_auth_service.keys import USER_TTL_S
from otp_auth_service.refusals import Refusal, json_response
from workers import Response

__all__ = ["get", "path", "put"]

path = "/user/me/preferences"

_MAX_BYTES: Final = 16 * 1024


async def get(call: Call) -> Response:
    """Answer with the preferences."""
    email_hash, _ = await call.user()
    stored = await call.store.get(call.keys.preferences(email_hash))
    preferences = stored if isinstance(stored, dict) else {}
    return json_response({"success": True, "preferences": preferences}, is_private=True)


async def put(call: Call) -> Response:
    """Put the body's members beside, or in the place of, those that are stored."""
    email_hash, _ = await call.user()
    changes = await call.read_object()
    key = call.keys.preferences(email_hash)
    async with call.resources.locks.hold(key):
        # Whoever has been erased meanwhile leaves nothing behind.
        await call.user()
        stored = await call.store.get(key)
        preferences = {**(stored if isinstance(stored, dict) else {}), **changes}
        if len(compact_json(preferences).encode()) > _MAX_BYTES:
            raise Refusal(413, f"Preferences take up to {_MAX_BYTES} bytes")
        await call.store.put(key, preferences, ttl_s=USER_TTL_S)
    return json_response({"success": True, "preferences": preferences}, is_private=True)
