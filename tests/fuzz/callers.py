"""Who sends the requests that schemathesis makes up, and about whom they are.

schemathesis loads this module by its environment variable SCHEMATHESIS_HOOKS.
"""

import json
import os
import time
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import requests
import schemathesis

from identity import issue_token

KNOWN = json.loads(Path(os.environ["EDGESTEAD_TEST_KNOWN"]).read_text(encoding="utf-8"))
CREDENTIALS = ("Authorization", "X-Service-Key", "X-OTP-API-Key")
SIGN_IN = ("/auth/", "/signup")
# No two tokens are the same.
SECONDS = count(int(time.time()))
TURNS: defaultdict[str, "count[int]"] = defaultdict(count)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Give a case its caller, and in two of three somebody who is there to be about.

    The cases of an operation have all of them. Bob is the one who is changed, suspended and deleted
    by others; Alice and her users stay.
    """
    number = turn_of(case)
    user = "bob" if case.method == "DELETE" else "alice"
    callers = every_caller(user)
    for name in CREDENTIALS:
        case.headers.pop(name, None)
    is_known = case.method == case.operation.method.upper()
    # Whether a key is valid is looked at before anything else, the method too.
    case.headers.update(callers[number % (len(callers) if is_known else len(callers) - 1)])
    is_safe = case.method == "GET" or "api-keys" in case.operation.path
    for name in list(case.path_parameters or ()):
        known = [None, *KNOWN["ids"].get(name, ())[0 if is_safe else 1 :]]
        if (chosen := known[number // len(callers) % len(known)]) is not None:
            case.path_parameters[name] = chosen
    if isinstance(case.body, dict) and case.operation.path.startswith(SIGN_IN) and number % 2:
        known = {"email": KNOWN["people"]["bob"]["email"], "otp": KNOWN["code"]}
        known["token"] = bearer("alice")["Authorization"].removeprefix("Bearer ")
        case.body |= {name: known[name] for name in known.keys() & case.body.keys()}


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Add Bob again where he was deleted, so that what comes later is about somebody."""
    if case.method == "DELETE" and response.status_code == 204:
        bob = KNOWN["people"]["bob"]
        requests.post(
            f"{KNOWN['url']}customer",
            json={"email": bob["email"], "customerId": bob["customer_id"]},
            headers={
                "Host": "customer-api.localhost",
                "X-Service-Key": KNOWN["secrets"]["SERVICE_API_KEY"],
            },
        )


def turn_of(case: Any) -> int:
    """Return whose turn it is: one after the other, or at random, but the same for the same case.

    Random cases are repeated, to make failures smaller.
    """
    if case.meta.phase.name.value == "coverage":
        return next(TURNS[case.operation.label])
    parts = (case.operation.label, case.path_parameters, case.query, case.headers, case.body)
    return crc32(repr(parts).encode(errors="replace"))


def every_caller(user: str) -> list[dict[str, str]]:
    """Return the headers of everybody who calls: a user, services, strangers and cheats.

    Tokens are new: a request may end the one that it comes with.
    """
    tenant = {"X-OTP-API-Key": KNOWN["api_key"]}
    return [
        bearer(user),
        {"X-Service-Key": KNOWN["secrets"]["SERVICE_API_KEY"]},
        bearer("admin"),
        {},
        tenant,
        {"Authorization": f"Bearer {KNOWN['secrets']['SUPER_ADMIN_API_KEY']}"},
        {**bearer("bob"), **tenant},
        {"Authorization": "Bearer not.a.token"},
        {"X-Service-Key": "wrong", **bearer(user)},
        {"X-OTP-API-Key": "otp_live_sk_none"},
    ]


def bearer(name: str) -> dict[str, str]:
    """Return the header of somebody who has signed in."""
    token, _ = issue_token(
        KNOWN["secrets"]["JWT_SECRET"],
        issuer="auth.idling.app",
        now=next(SECONDS),
        **KNOWN["people"][name],
    )
    return {"Authorization": f"Bearer {token}"}
