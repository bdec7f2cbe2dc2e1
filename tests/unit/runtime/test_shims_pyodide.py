import asyncio
import re

import pytest

from runtime._loader.shims import pyodide, pyodide_ffi, pyodide_http
from runtime._loader.shims.pyodide_ffi import (
    JsArray,
    JsCallable,
    JsException,
    JsMap,
    JsNull,
    JsPromise,
    JsProxy,
    JsTypedArray,
    can_run_sync,
    create_once_callable,
    create_proxy,
    destroy_proxies,
    jsnull,
    run_sync,
    to_js,
)
from workers import FetchResponse, Request, Response, python_to_rpc
from workers.body import Body


def test_what_converts_gives_back_what_it_gets() -> None:
    value = {"a": [1]}

    def function() -> int:
        return 5

    assert to_js(value, dict_converter=dict, depth=-1) is value
    assert create_proxy(function) is function
    assert create_proxy(value, capture_this=True) is value
    assert create_once_callable(function) is function
    assert destroy_proxies([function]) is None


@pytest.mark.parametrize("kind", [JsProxy, JsArray, JsCallable, JsMap, JsPromise, JsTypedArray])
def test_nothing_is_a_proxy(kind: type) -> None:
    for value in (None, 1, "x", {}, [], len, Response("x"), b"x"):
        assert not isinstance(value, kind)
    with pytest.raises(TypeError, match="there are no JavaScript objects here"):
        kind()


def test_javascripts_null_is_none() -> None:
    assert jsnull is None
    assert isinstance(None, JsNull)


def test_the_exception_of_bindings_catches_what_bindings_raise_here() -> None:
    with pytest.raises(JsException, match="^DataCloneError"):
        python_to_rpc(1j)
    with pytest.raises(JsException, match="^text$"):
        raise JsException("text")


def test_a_refused_value_is_a_value_error_with_javascripts_words() -> None:
    error = pyodide_ffi.JsValueError("SyntaxError", "Invalid JSON")

    assert isinstance(error, JsException) and isinstance(error, ValueError)
    assert (error.name, error.message, str(error)) == (
        "SyntaxError",
        "Invalid JSON",
        "Invalid JSON",
    )


def test_buffers_are_those_of_bodies() -> None:
    buffer = pyodide_ffi.JsBuffer(b"abc")

    assert buffer.to_bytes() == b"abc"


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


def test_run_sync_runs_where_no_loop_does() -> None:
    assert can_run_sync()
    assert run_sync(double(21)) == 42


async def test_run_sync_names_await_where_a_loop_runs() -> None:
    assert not can_run_sync()
    with pytest.raises(RuntimeError, match="use `await` in place of run_sync"):
        run_sync(double(21))
    with pytest.raises(RuntimeError, match="use `await` in place of run_sync"):
        run_sync(asyncio.get_running_loop().create_future())


async def test_a_body_is_read_by_a_reader_too() -> None:
    for body in (
        Response(iter([b"ab", b"c"])).body,
        Request("https://a/", method="POST", body=Body([b"ab", b"c"])).body,
    ):
        reader = body.getReader()
        chunks = []
        while not (result := await reader.read()).done:
            assert type(result.value.to_bytes()) is bytes
            chunks.append(result.value.to_bytes())
        assert chunks == [b"ab", b"c"]
        assert result.value is None


async def test_a_reader_gives_the_rest_up() -> None:
    reader = Response(iter([b"ab", b"c"])).body.getReader()
    await reader.read()

    await reader.cancel("enough")

    assert (await reader.read()).done


@pytest.mark.parametrize(
    ("module", "public", "name", "way"),
    [
        (pyodide, "pyodide", "code", "nothing here runs JavaScript"),
        (pyodide, "pyodide", "other", "this is CPython"),
        (pyodide_ffi, "pyodide.ffi", "register_js_module", "put a Python module"),
        (pyodide_ffi, "pyodide.ffi", "JsDomElement", "there are no JavaScript objects"),
        (pyodide_http, "pyodide.http", "open_url", "use `await workers.fetch(url)` and"),
        (pyodide_http, "pyodide.http", "other", "use `await workers.fetch(url)`"),
    ],
)
def test_other_names_are_import_errors_with_the_native_way(
    module: object, public: str, name: str, way: str
) -> None:
    message = f"^{re.escape(f'{public}.{name} has no native equivalent here: {way}')}"

    with pytest.raises(ImportError, match=message):
        getattr(module, name)
    assert not hasattr(module, "__wrapped__")


def test_pyodide_has_its_two_modules() -> None:
    assert pyodide.ffi is pyodide_ffi
    assert pyodide.http is pyodide_http
    assert pyodide_http.FetchResponse is FetchResponse


async def test_pyfetch_sends_as_fetch_does(host) -> None:
    response = await pyodide_http.pyfetch(
        "https://test.com/",
        method="POST",
        headers={"a": 1},
        body="x",
        mode="cors",
        credentials="omit",
    )

    assert await response.text() == "answer"
    [request] = host.requests
    assert (request.method, request.headers["a"], await request.text()) == ("POST", "1", "x")
