import pytest

from workers import Request, wsgi


def app(environ: object, start_response: object) -> list[bytes]:
    raise AssertionError("never called")


async def test_fetch_names_the_version_that_runs_it() -> None:
    with pytest.raises(NotImplementedError, match="from version 0.2 of edgestead"):
        await wsgi.fetch(app, Request("https://test.com/"), {}, options=wsgi.Options())


def test_entrypoint_names_the_version_that_runs_it() -> None:
    with pytest.raises(NotImplementedError, match="from version 0.2 of edgestead"):
        wsgi.entrypoint(app)


def test_options_are_those_of_the_adapters() -> None:
    assert wsgi.Options().encode_body == "automatic"
    assert wsgi.Options(encode_body="manual").encode_body == "manual"
    with pytest.raises(ValueError, match="encode_body must be one of automatic, manual, not 'no'"):
        wsgi.Options(encode_body="no")
