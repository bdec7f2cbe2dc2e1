import logging
import re
import uuid
from types import ModuleType

import pytest

from runtime._loader.shims import absent, js

# What the requirement lists; each of the first can be made by `.new(…)`.
MADE = ["Response", "Request", "Headers", "URL", "URLSearchParams", "FormData", "Blob", "Date"]
OTHERS = ["fetch", "console", "JSON", "Object", "crypto", "setTimeout", "WebSocketPair"]


@pytest.mark.parametrize("name", MADE + OTHERS)
def test_has_every_name_of_the_requirement(name: str) -> None:
    namespace: dict[str, object] = {}

    exec(f"from runtime._loader.shims.js import {name}", namespace)

    assert namespace[name] is getattr(js, name)
    assert name in js.__all__


@pytest.mark.parametrize("name", [*MADE, "WebSocketPair", "Object", "Array", "File", "Uint8Array"])
def test_what_can_be_made_has_new(name: str) -> None:
    assert callable(getattr(js, name).new)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("document", "it belongs to a JavaScript engine; write it in Python"),
        ("eval", "write it in Python"),
        ("Map", "use a dict"),
        ("caches", "use a KV namespace"),
        ("WebSocket", "WebSockets come with edgestead 0.2"),
        ("undefined", "use None"),
    ],
)
def test_anything_else_is_an_import_error_with_the_native_way(name: str, way: str) -> None:
    message = f"^{re.escape(f'js.{name} has no native equivalent here: {way}')}$"

    with pytest.raises(ImportError, match=message):
        exec(f"from runtime._loader.shims.js import {name}", {})
    with pytest.raises(ImportError, match=message) as caught:
        getattr(js, name)
    assert caught.value.name == "js"


def test_no_way_is_told_for_a_name_that_is_there() -> None:
    assert not set(js._WAYS) & set(vars(js))


def test_dunder_names_are_attribute_errors_as_the_import_system_wants() -> None:
    assert not hasattr(js, "__path__")
    assert not hasattr(js.crypto, "__len__")
    error = absent.absent_name("js", "__wrapped__", {}, "")
    assert isinstance(error, AttributeError)
    assert str(error) == "module 'js' has no attribute '__wrapped__'"


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("debug", logging.DEBUG),
        ("trace", logging.DEBUG),
        ("log", logging.INFO),
        ("info", logging.INFO),
        ("warn", logging.WARNING),
        ("error", logging.ERROR),
    ],
)
def test_console_logs_one_event_a_call(
    method: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="worker"):
        getattr(js.console, method)("100%", 5, {"a": None})

    [record] = caplog.records
    assert (record.name, record.levelno) == ("worker", level)
    assert record.getMessage() == "100% 5 {'a': None}"
    assert record.filename == "test_shims_js.py"


def test_crypto_makes_random_values() -> None:
    first, second = js.crypto.randomUUID(), js.crypto.randomUUID()

    assert first != second
    assert uuid.UUID(first).version == 4
    array = js.Uint8Array.new(16)
    assert js.crypto.getRandomValues(array) is array
    assert array != bytes(16)
    view = memoryview(bytearray(16))
    assert js.crypto.getRandomValues(view) != bytes(16)


@pytest.mark.parametrize(("name", "way"), [("subtle", "use hashlib"), ("other", "use the secrets")])
def test_crypto_has_nothing_else(name: str, way: str) -> None:
    with pytest.raises(ImportError, match=rf"^js\.crypto\.{name} has no native .*: {way}"):
        getattr(js.crypto, name)


def test_the_module_is_one_for_every_import() -> None:
    assert isinstance(js, ModuleType)
