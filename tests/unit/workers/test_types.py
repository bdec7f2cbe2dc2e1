from inspect import signature
from typing import get_args, get_type_hints

from workers import body, types
from workers.blob import Blob
from workers.formdata import FormData
from workers.request import Request


def test_the_body_alias_includes_every_class_that_can_be_sent() -> None:
    assert {str, bytes, memoryview, Blob, FormData, body.Body} <= set(get_args(types.Body))
    assert {Blob, FormData, body.Body} <= set(get_args(types.JSBody))


def test_aliases_can_be_used_in_annotations_with_others() -> None:
    def sent(content: types.Body | None) -> types.JSBody | int:
        raise AssertionError(content)

    assert type(None) in get_args(get_type_hints(sent)["content"])


def test_fetch_takes_what_a_request_takes() -> None:
    parameters = set(signature(Request).parameters) - {"resource", "other"}

    assert set(get_type_hints(types.FetchKwargs)) == parameters


def test_ctx_offers_what_cloudflares_does() -> None:
    offered = {name for name in vars(types.Context) if not name.startswith("_")}

    assert offered == {"exports", "passThroughOnException", "props", "waitUntil", "wait_until"}


def test_cf_has_the_properties_of_cloudflares_requests() -> None:
    assert {"cacheTtl", "cacheEverything", "cacheKey", "resolveOverride"} <= set(
        get_type_hints(types.RequestInitCfProperties)
    )
    assert types.RequestInitCfProperties(cacheTtl=5) == {"cacheTtl": 5}
