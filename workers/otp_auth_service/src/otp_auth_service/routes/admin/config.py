"""A tenant's own settings, which customer-api keeps."""

from otp_auth_service.administration import (
    NAMED_TENANT,
    Administration,
    administer,
    customer_not_found,
    read_query,
)
from otp_auth_service.calls import Call
from otp_auth_service.refusals import Refusal
from otp_auth_service.tenant_config import check_config
from workers import Response

__all__ = ["get", "path", "put"]

path = "/admin/config"


async def get(call: Call) -> Response:
    """Answer with the settings."""
    chosen = await _choose(call)
    return await _answer(call, chosen, chosen.customer.get("config"))


async def put(call: Call) -> Response:
    """Put the body's members beside, or in the place of, those that are stored."""
    chosen = await _choose(call)
    chosen.require_writable()
    changes = await call.read_object()
    check_config(changes)
    customer = await call.accounts.change(chosen.customer_id, {"config": changes})
    call.resources.tenants.forget_customer(chosen.customer_id)
    if customer is None:
        raise customer_not_found()
    await chosen.activity.log("config_changed", by=chosen.admin.user_id, changed=sorted(changes))
    return await _answer(call, chosen, customer.get("config"))


async def _choose(call: Call) -> Administration:
    """Return the own customer, or the one that a super admin names."""
    admin = await call.admin()
    customer_id = read_query(call).get(NAMED_TENANT) or admin.customer_id
    if customer_id is None:
        raise Refusal(400, f"Say whose settings: ?{NAMED_TENANT}=…")
    return await administer(call, customer_id)


async def _answer(call: Call, chosen: Administration, config: object) -> Response:
    settings = config if isinstance(config, dict) else {}
    return await call.answer_admin(
        chosen.admin,
        {"success": True, "customerId": chosen.customer_id, "config": settings},
    )
