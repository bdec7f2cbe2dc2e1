"""A user, to be erased."""

from otp_auth_service.calls import Call
from otp_auth_service.personal_data import erase, find_person
from workers import Response

__all__ = ["delete", "path"]

path = "/admin/users/:user_id"


async def delete(call: Call, user_id: str) -> Response:
    """Erase all that is held on the user."""
    person = await find_person(call, user_id)
    return await call.answer_admin(person.admin, await erase(person))
