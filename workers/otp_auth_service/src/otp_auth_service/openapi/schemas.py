"""What is sent and answered, by name."""

from typing import Final

from otp_auth_service.activity import COUNTERS
from otp_auth_service.mail.templates import EMAIL_MEMBERS
from otp_auth_service.openapi.parts import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    array,
    either,
    mapping,
    nullable,
    record,
    ref,
)
from otp_auth_service.tenant_config import MAX_LISTED

__all__ = ["SCHEMAS"]

_TRUE: Final[Schema] = {"const": True}
_NAME: Final[Schema] = {"type": "string", "maxLength": 100}
_DATE: Final[Schema] = {"type": "string", "format": "date"}
_BEARER: Final[Schema] = {"const": "Bearer"}
_ANYTHING: Final[Schema] = {"type": "object"}
_COUNTED: Final = {**dict.fromkeys(COUNTERS, INTEGER), "successRate": NUMBER}
_USER_ID: Final[Schema] = {"type": "string", "pattern": "^user_[0-9a-f]{12}$"}

_ERRORS: Final = {
    "Error": record({"error": TEXT}, is_open=True),
    "Problem": record(
        {"type": TEXT, "title": TEXT, "status": INTEGER, "detail": TEXT, "instance": TEXT},
        is_open=True,
    ),
}

_SIGN_IN: Final = {
    "EmailBody": record({"email": {**TEXT, "format": "email"}}, is_open=True),
    "CodeBody": record(
        {"email": {**TEXT, "format": "email"}, "otp": {**TEXT, "pattern": "^[0-9]{6}$"}},
        is_open=True,
    ),
    "SignupBody": record(
        {"email": {**TEXT, "format": "email"}, "companyName": {**_NAME, "pattern": r"\S"}},
        is_open=True,
    ),
    "TokenBody": record({"token": {**TEXT, "minLength": 1}}, is_open=True),
    "CodeSent": record(
        {"success": _TRUE, "message": TEXT, "expiresIn": INTEGER, "remaining": INTEGER}
    ),
    "SignupStarted": record(
        {
            "success": _TRUE,
            "message": TEXT,
            "expiresIn": INTEGER,
            "remaining": INTEGER,
            "alreadyInProgress": _TRUE,
        },
        optional=["alreadyInProgress"],
    ),
    "Token": record(
        {
            "access_token": TEXT,
            "token_type": _BEARER,
            "expires_in": INTEGER,
            "scope": TEXT,
            "displayName": TEXT,
            "sub": TEXT,
            "email": TEXT,
            "email_verified": _TRUE,
            "token": TEXT,
            "userId": _USER_ID,
            "expiresAt": TIME,
            "customerId": TEXT,
        }
    ),
    "Renewed": record({"success": _TRUE, "token": TEXT, "access_token": TEXT, "expiresAt": TIME}),
    "SignedUp": record(
        {
            "success": _TRUE,
            "customerId": TEXT,
            "apiKey": TEXT,
            "keyId": TEXT,
            "access_token": TEXT,
            "token": TEXT,
            "token_type": _BEARER,
            "expiresAt": TIME,
            "message": TEXT,
            "customer": record(
                {
                    **dict.fromkeys(("customerId", "email"), TEXT),
                    # Records that were migrated may lack these.
                    **dict.fromkeys(("name", "companyName", "plan", "status"), nullable(TEXT)),
                }
            ),
        }
    ),
    "UserInfo": record(
        {
            "id": _USER_ID,
            "customerId": nullable(TEXT),
            "sub": TEXT,
            "email": TEXT,
            "email_verified": _TRUE,
            "iss": TEXT,
            "aud": nullable(TEXT),
            "userId": _USER_ID,
            "displayName": TEXT,
            "createdAt": TIME,
            "lastLogin": TIME,
        }
    ),
    "Quota": record(
        {
            "success": _TRUE,
            "quota": record({"otpRequestsPerDay": INTEGER, "otpRequestsPerMonth": INTEGER}),
            "usage": record(
                dict.fromkeys(("daily", "monthly", "remainingDaily", "remainingMonthly"), INTEGER)
            ),
        }
    ),
    "Introspection": either(
        record({"active": {"const": False}}),
        record(
            {
                "active": _TRUE,
                "scope": TEXT,
                "token_type": _BEARER,
                "username": TEXT,
                "sub": TEXT,
                "iss": TEXT,
                "aud": TEXT,
                "exp": INTEGER,
                "iat": INTEGER,
                "jti": TEXT,
                "email": TEXT,
                "userId": TEXT,
                "customerId": nullable(TEXT),
            },
            # A token of the original service may lack these.
            optional=["aud", "email", "iat", "jti", "userId"],
        ),
    ),
    "Done": record({"success": _TRUE, "message": TEXT}),
    "DisplayNameBody": record(
        {"displayName": {**TEXT, "minLength": 3, "maxLength": 32}}, is_open=True
    ),
    "DisplayName": record({"success": _TRUE, "displayName": TEXT}),
    "Preferences": record({"success": _TRUE, "preferences": _ANYTHING}),
}

_ADMINISTRATION: Final = {
    "Encrypted": record(
        {
            "version": {"const": 3},
            "encrypted": _TRUE,
            "algorithm": {"const": "AES-GCM-256"},
            "iv": TEXT,
            "salt": TEXT,
            "tokenHash": TEXT,
            "data": TEXT,
            "timestamp": TIME,
        }
    ),
    "ApiKeyBody": record({"name": _NAME}, optional=["name"], is_open=True),
    "ApiKey": record(
        {
            "customerId": TEXT,
            "keyId": TEXT,
            "name": TEXT,
            "createdAt": TIME,
            "lastUsed": nullable(TIME),
            "status": {"enum": ["active", "rotated", "revoked"]},
        }
    ),
    "ApiKeys": record(
        {"success": _TRUE, "keys": array(ref("ApiKey")), "apiKeys": array(ref("ApiKey"))}
    ),
    "NewApiKey": record(
        {"success": _TRUE, "apiKey": TEXT, "keyId": TEXT, "name": TEXT, "message": TEXT}
    ),
    "RotatedApiKey": record(
        {"success": _TRUE, "apiKey": TEXT, "keyId": TEXT, "oldKeyId": TEXT, "message": TEXT}
    ),
    "AuditEvent": record({"eventType": TEXT, "timestamp": TIME}, is_open=True),
    "AuditLog": record(
        {
            "success": _TRUE,
            "period": record({"start": _DATE, "end": _DATE}),
            "total": INTEGER,
            "events": array(ref("AuditEvent")),
        }
    ),
    "Analytics": record(
        {
            "today": record(_COUNTED),
            "period": record({"start": _DATE, "end": _DATE, **_COUNTED}),
            "days": array(record({"date": _DATE, **_COUNTED})),
        }
    ),
    "Realtime": record({"activeUsers": INTEGER, "requestsPerMinute": INTEGER}),
    "Errors": record(
        {
            "total": INTEGER,
            "byCategory": mapping(INTEGER),
            "byEndpoint": mapping(INTEGER),
            "errors": array(
                record({"category": TEXT, "message": TEXT, "endpoint": TEXT, "timestamp": TIME})
            ),
        }
    ),
    "ConfigBody": record(
        {
            "allowedOrigins": nullable({**array(TEXT), "maxItems": MAX_LISTED}),
            "allowedIPs": nullable({**array(TEXT), "maxItems": MAX_LISTED}),
            "emailConfig": nullable(
                record(dict.fromkeys(EMAIL_MEMBERS, nullable(TEXT)), optional=EMAIL_MEMBERS)
            ),
        },
        optional=["allowedOrigins", "allowedIPs", "emailConfig"],
        is_open=True,
    ),
    "Config": record({"success": _TRUE, "customerId": TEXT, "config": _ANYTHING}),
    "Customer": record({"customerId": TEXT, "email": TEXT, "status": TEXT}, is_open=True),
    "Customers": record(
        {
            "success": _TRUE,
            "customers": array(ref("Customer")),
            "cursor": nullable(TEXT),
            "list_complete": BOOLEAN,
        }
    ),
    "CustomerStatus": record(
        {"success": _TRUE, "customerId": TEXT, "status": TEXT, "message": TEXT}
    ),
    "PersonalData": record(
        {
            "success": _TRUE,
            "exportedAt": TIME,
            "userId": _USER_ID,
            "tenantId": nullable(TEXT),
            **dict.fromkeys(
                (
                    *("user", "session", "preferences", "code", "rateLimit", "statistics"),
                    *("displayNameChange", "signup", "customer"),
                ),
                nullable(_ANYTHING),
            ),
            "auditEvents": array(ref("AuditEvent")),
            "apiKeys": array(ref("ApiKey")),
        }
    ),
    "Erasure": record(
        {
            "success": _TRUE,
            "message": TEXT,
            "erased": record(
                {
                    "records": INTEGER,
                    "auditEvents": INTEGER,
                    "apiKeys": INTEGER,
                    "customer": BOOLEAN,
                }
            ),
        }
    ),
}

_SERVICE: Final = {
    "Live": record({"status": {"const": "ok"}, "service": TEXT, "timestamp": TIME}),
    "Health": record(
        {
            "status": {"enum": ["ok", "error"]},
            "service": TEXT,
            "timestamp": TIME,
            "checks": mapping(TEXT),
        }
    ),
    "Description": record({"openapi": TEXT, "info": _ANYTHING, "paths": _ANYTHING}, is_open=True),
}

SCHEMAS: Final = {**_ERRORS, **_SIGN_IN, **_ADMINISTRATION, **_SERVICE}
"""Every schema that has a name."""
