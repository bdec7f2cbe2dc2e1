"""Whatever is sent, the worker answers, keeps its records whole, and never fails."""

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIELDS = [
    *("name", "companyName", "displayName", "tier", "plan", "status", "subscriptions", "flairs"),
    *("config", "features", "customerId", "email", "createdAt", "updatedAt", "id", "é", ""),
]
texts = st.text(max_size=30) | st.sampled_from(
    ["free", "active", "alice@example.com", "2026-01-01", "cust_0123456789ab", "\ud800"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=6).map(json.dumps),
    values.map(json.dumps),
    st.binary(max_size=40),
)
segments = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="/?#\\"), max_size=20
) | st.sampled_from(["customer", "me", "by-email", "cust_0123456789ab", "%", "%zz", "a%40b.c"])
paths = st.one_of(
    st.sampled_from(
        ["/customer", "/customer/me", "/customer/cust_0123456789ab", "/customer?limit="]
    ),
    st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts)),
)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(method=methods, path=paths, body=bodies, as_service=st.booleans())
def test_no_input_is_a_fault_of_the_server(memory_api, method, path, body, as_service) -> None:
    async def ask() -> None:
        api = await memory_api()
        created = await api.create(customerId="cust_0123456789ab")
        options = {"service": True} if as_service else {"token": api.token()}
        content = body if method not in ("GET", "HEAD") else None

        response = await api.send(method, path, body=content, **options)

        text = await response.text()
        assert response.status < 500, text
        if response.status >= 400 and method != "HEAD":
            assert list(json.loads(text))[:3] == ["type", "title", "status"]
        record = await api.kv.get("customer_cust_0123456789ab", "json")
        if response.status != 204:
            assert record["email"] == created["email"]
            assert record["createdAt"] == created["createdAt"]

    asyncio.run(ask())
