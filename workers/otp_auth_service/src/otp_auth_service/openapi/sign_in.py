"""Signing in and up, what a user can set, and what the service says of itself."""

from typing import Final

from otp_auth_service.openapi.parts import JSON, Operation, ref

__all__ = ["SIGN_IN"]

_FORM: Final = "application/x-www-form-urlencoded"
_HTML: Final = "text/html"

# An API key that is not valid, that is not let in, or that cannot be checked; and a failure.
_ALWAYS: Final = (401, 403, 500, 503)
_WITH_BODY: Final = (400, *_ALWAYS, 413)
_TOKEN: Final = ("token",)

_AUTH: Final = (
    Operation(
        method="post",
        path="/auth/request-otp",
        tag="Sign-in",
        summary="Send a code to an address",
        body=ref("EmailBody"),
        answer=ref("CodeSent"),
        problems=(*_WITH_BODY, 429, 502),
    ),
    Operation(
        method="post",
        path="/auth/verify-otp",
        tag="Sign-in",
        summary="Exchange a code for a token",
        body=ref("CodeBody"),
        answer=ref("Token"),
        problems=(*_WITH_BODY, 409, 429),
    ),
    Operation(
        method="get",
        path="/auth/me",
        tag="Sign-in",
        summary="Who the holder of a token is",
        who=_TOKEN,
        answer=ref("UserInfo"),
        plain=(401, 404),
        problems=_ALWAYS,
    ),
    Operation(
        method="post",
        path="/auth/logout",
        tag="Sign-in",
        summary="Revoke the token",
        who=_TOKEN,
        answer=ref("Done"),
        plain=(401,),
        problems=_ALWAYS,
    ),
    Operation(
        method="post",
        path="/auth/refresh",
        tag="Sign-in",
        summary="Exchange a token for a new one",
        body=ref("TokenBody"),
        answer=ref("Renewed"),
        plain=(400, 401),
        problems=_WITH_BODY,
    ),
    Operation(
        method="get",
        path="/auth/quota",
        tag="Sign-in",
        summary="How many codes may still be asked for",
        who=_TOKEN,
        answer=ref("Quota"),
        plain=(401,),
        problems=_ALWAYS,
    ),
    Operation(
        method="post",
        path="/auth/introspect",
        tag="Sign-in",
        summary="Look at a token (RFC 7662), for services and super admins",
        who=("serviceKey", "token"),
        body=ref("TokenBody"),
        media=(_FORM, JSON),
        answer=ref("Introspection"),
        plain=(401, 403),
        problems=_WITH_BODY,
    ),
)

_SIGN_UP: Final = (
    Operation(
        method="post",
        path="/signup",
        tag="Sign-up",
        summary="Begin: send a code to a company's address",
        body=ref("SignupBody"),
        answer=ref("SignupStarted"),
        plain=(400,),
        problems=(*_WITH_BODY, 429, 502),
    ),
    Operation(
        method="post",
        path="/signup/verify",
        tag="Sign-up",
        summary="Exchange the code for an account, a token and an API key",
        body=ref("CodeBody"),
        answer=ref("SignedUp"),
        plain=(400, 404),
        problems=(*_WITH_BODY, 409, 429),
    ),
)

_USER: Final = (
    Operation(
        method="get",
        path="/user/display-name",
        tag="User",
        summary="The display name",
        who=_TOKEN,
        answer=ref("DisplayName"),
        plain=(401, 404),
        problems=_ALWAYS,
    ),
    Operation(
        method="put",
        path="/user/display-name",
        tag="User",
        summary="Choose another display name, once in 30 days",
        who=_TOKEN,
        body=ref("DisplayNameBody"),
        answer=ref("DisplayName"),
        plain=(400, 401, 404, 409, 429),
        problems=_WITH_BODY,
    ),
    Operation(
        method="post",
        path="/user/display-name/regenerate",
        tag="User",
        summary="Have another display name made up, once in 30 days",
        who=_TOKEN,
        answer=ref("DisplayName"),
        plain=(401, 404, 409, 429),
        problems=_ALWAYS,
    ),
    Operation(
        method="get",
        path="/user/me/preferences",
        tag="User",
        summary="What a client has stored for the user",
        who=_TOKEN,
        answer=ref("Preferences"),
        plain=(401, 404),
        problems=_ALWAYS,
    ),
    Operation(
        method="put",
        path="/user/me/preferences",
        tag="User",
        summary="Store members beside, or in the place of, those that there are",
        who=_TOKEN,
        body={"type": "object"},
        answer=ref("Preferences"),
        plain=(401, 404, 413),
        problems=_WITH_BODY,
    ),
)

_SERVICE: Final = (
    Operation(
        method="get",
        path="/",
        tag="Service",
        summary="The landing page",
        answer=_HTML,
        problems=_ALWAYS,
    ),
    Operation(
        method="get",
        path="/dashboard/{rest}",
        tag="Service",
        summary="The web page; it is not part of this version",
        answer=None,
        problems=(*_ALWAYS, 404),
    ),
    Operation(
        method="get",
        path="/openapi.json",
        tag="Service",
        summary="This description",
        answer=ref("Description"),
        problems=_ALWAYS,
    ),
    *(
        Operation(
            method="get",
            path=path,
            tag="Service",
            summary="Whether it can work",
            answer=ref("Health"),
            more={503: ref("Health")},
            problems=_ALWAYS,
        )
        for path in ("/health", "/health/ready")
    ),
    Operation(
        method="get",
        path="/health/live",
        tag="Service",
        summary="Whether it answers",
        answer=ref("Live"),
        problems=_ALWAYS,
    ),
)

SIGN_IN: Final = (*_AUTH, *_SIGN_UP, *_USER, *_SERVICE)
"""Every operation but the administration's."""
