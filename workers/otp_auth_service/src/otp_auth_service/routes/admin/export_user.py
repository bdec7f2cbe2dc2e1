"""What is held on a user."""

from otp_auth_service.calls import Call
from otp_auth_service.personal_data import export, find_person
from workers import Response

__all__ = ["get", "path"]

path = "/admin/users/:user_id/export"


async def get(call: Call, user_id: str) -> Response:
    """Answer with all of it, in one JSON."""
    person = await find_person(call, user_id)
    data = await export(person)
    await call.activity(person.tenant_id).log(
        "user_exported", userId=user_id, by=person.admin.user_id
    )
    return await call.answer_admin(person.admin, data)
