"""The description as a whole."""

import re
from http import HTTPStatus
from typing import Any, Final

from otp_auth_service.openapi.administration import ADMINISTRATION
from otp_auth_service.openapi.parts import JSON, PROBLEM, Operation, Schema, either, ref
from otp_auth_service.openapi.schemas import SCHEMAS
from otp_auth_service.openapi.sign_in import SIGN_IN

__all__ = ["OPERATIONS", "describe_api"]

OPERATIONS: Final = (*SIGN_IN, *ADMINISTRATION)
"""Every method on every path that the service answers."""

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_TAGS: Final = {
    "Sign-in": "A code by mail, exchanged for a token",
    "Sign-up": "An account and an API key for a company",
    "User": "What a user can set",
    "Administration": "What a tenant does with its account, and super admins with all of them",
    "Service": "Is it running, and what is it",
}
_SECURITY: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token that signing in gives, or the key of the super admin",
    },
    "serviceKey": {"type": "apiKey", "in": "header", "name": "X-Service-Key"},
}
_API_KEY: Final = {
    "name": "X-OTP-API-Key",
    "in": "header",
    "required": False,
    "description": "Names the tenant whose users this is about; also as a bearer token",
    "schema": {"type": "string"},
}
_ENCRYPT: Final = {
    "name": "X-Encrypt-Response",
    "in": "header",
    "required": False,
    "description": "`true` asks for an answer that the token alone opens",
    "schema": {"type": "string"},
}


def describe_api() -> dict[str, Any]:
    """Return the description."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otp-auth-service",
            "version": "1.0.0",
            "summary": "Passwordless sign-in by one-time code",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": _SECURITY},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": _operation_id(operation),
        "parameters": _parameters(operation),
        "responses": _responses(operation),
        "security": [{name: []} for name in operation.who],
    }
    if operation.body is not None:
        content = {media: {"schema": operation.body} for media in operation.media}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _operation_id(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.replace(".", "_"))
    return "_".join((operation.method, *words))


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in operation.query.items()
    ]
    return [*in_path, *in_query, _API_KEY, *([_ENCRYPT] if operation.may_encrypt else [])]


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if operation.answer is not None:
        responses["200"] = _success(operation, operation.answer)
    for status, schema in operation.more.items():
        responses[str(status)] = _response(status, {JSON: {"schema": schema}})
    for status in sorted({*operation.plain, *operation.problems}):
        content: dict[str, Any] = {}
        if status in operation.plain:
            content[JSON] = {"schema": ref("Error")}
        if status in operation.problems:
            content[PROBLEM] = {"schema": ref("Problem")}
        known = responses.get(str(status))
        responses[str(status)] = _response(status, {**(known or {}).get("content", {}), **content})
    return responses


def _success(operation: Operation, answer: Schema | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return _response(200, {answer: {"schema": {"type": "string"}}})
    if not operation.may_encrypt:
        return _response(200, {JSON: {"schema": answer}})
    response = _response(200, {JSON: {"schema": either(answer, ref("Encrypted"))}})
    encrypted = {"description": "`true` where the answer is encrypted", "schema": {"const": "true"}}
    return {**response, "headers": {"X-Encrypted": encrypted}}


def _response(status: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": content}
