from hypothesis import given
from hypothesis import strategies as st

from workers.urlencoded import encode_urlencoded, parse_urlencoded


def test_writes_as_the_url_standard_does() -> None:
    pairs = [("a b", "é*~-._"), ("c", ""), ("", "&=+%")]

    assert encode_urlencoded(pairs) == "a+b=%C3%A9*%7E-._&c=&=%26%3D%2B%25"


def test_a_lone_surrogate_is_replaced() -> None:
    assert encode_urlencoded([("a", "\ud800")]) == "a=%EF%BF%BD"


def test_reads_bytes_and_text() -> None:
    assert parse_urlencoded(b"a=1+%2B&b&a=2") == [("a", "1 +"), ("b", ""), ("a", "2")]
    assert parse_urlencoded("a=\u00fc;b") == [("a", "ü;b")]


@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_is_written_reads_the_same(pairs: list[tuple[str, str]]) -> None:
    assert parse_urlencoded(encode_urlencoded(pairs)) == pairs
