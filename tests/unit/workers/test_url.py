import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.url import normalise_url, stripped_url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "http://localhost:8787/a/b.c?x=1&y=/?#frag",
        "http://127.0.0.1:49152/",
        "https://a-b.example.co.uk/a%20b;c=d,e/~x/",
        "https://example.com:8443//a//b/",
        "https://[::1]:8080/",
        "https://example.com/.well-known/x",
        "https://example.com/a[1]|b?q=[1]|^`{}#<",
        "https://xn--bcher-kva.example/",
        "mailto:a@example.com",
        "data:text/plain,a b",
    ],
)
def test_leaves_a_normal_url_as_it_is(url: str) -> None:
    assert normalise_url(url) == url.replace("#<", "#%3C")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://test.com", "https://test.com/"),
        ("https://test.com?a", "https://test.com/?a"),
        ("https://test.com#a", "https://test.com/#a"),
        ("HTTPS://Test.COM/Path", "https://test.com/Path"),
        ("https://test.com:443/", "https://test.com/"),
        ("http://test.com:80/", "http://test.com/"),
        ("http://test.com:443/", "http://test.com:443/"),
        ("http://test.com:/", "http://test.com/"),
        ("http://test.com:00065535/", "http://test.com:65535/"),
        ("ws://test.com:80/", "ws://test.com/"),
        ("https:test.com", "https://test.com/"),
        ("https:\\\\test.com\\a\\b?c\\d", "https://test.com/a/b?c\\d"),
        ("https:////test.com", "https://test.com/"),
        ("  https://te\tst.com/a\nb \x00", "https://test.com/ab"),
        ("https://test.com/a/./b/../c", "https://test.com/a/c"),
        ("https://test.com/a/%2e/b/.%2E/c", "https://test.com/a/c"),
        ("https://test.com/../..", "https://test.com/"),
        ("https://test.com/a/..", "https://test.com/"),
        ("https://test.com/a/b/.", "https://test.com/a/b/"),
        (
            'https://test.com/a b"<>`{}^é/ü?',
            "https://test.com/a%20b%22%3C%3E%60%7B%7D%5E%C3%A9/%C3%BC?",
        ),
        (
            'https://test.com/?a b\'"<>é`#f "<>`',
            "https://test.com/?a%20b%27%22%3C%3E%C3%A9`#f%20%22%3C%3E%60",
        ),
        ("https://test.com/\ud800", "https://test.com/%EF%BF%BD"),
        ("https://test.com/%zz%C3", "https://test.com/%zz%C3"),
        ("https://u:p@test.com", "https://u:p@test.com/"),
        ("https://u@test.com", "https://u@test.com/"),
        ("https://u:@test.com", "https://u@test.com/"),
        ("https://@test.com", "https://test.com/"),
        ("https://a@b:c@test.com/", "https://a%40b:c@test.com/"),
        ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://ΑΣ.example/", "https://xn--mxa0b.example/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://a\u3002b\u00adc/", "https://a.bc/"),
        ("https://ＧＯ.example/", "https://go.example/"),
        ("https://%74est.com/", "https://test.com/"),
        ("https://test.com./", "https://test.com./"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://0177.0.0.1./", "http://127.0.0.1/"),
        ("http://0x/", "http://0.0.0.0/"),
        ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"),
        ("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
        ("file:///a/../b", "file:///b"),
        ("file://host/b", "file://host/b"),
        ("Custom:é\n", "custom:%C3%A9"),
    ],
)
def test_normalises_as_the_url_standard_does(url: str, expected: str) -> None:
    assert normalise_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "test.com/a",
        "//test.com/",
        "https://",
        "https:///",
        "https://?a",
        "https://test.com:99999/",
        "https://test.com:8x/",
        "https://te st/",
        "https://te%00st/",
        "https://te%2fst/",
        "https://te%ffst/",
        "https://a<b/",
        "https://\u2100/",
        "https://a\ue000é/",
        "https://[::1/",
        "https://[::1%25eth0]/",
        "https://[x]/",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://1.2.3.08/",
        "http://1_0.1/",
        "http://a.1/",
        "http://4294967296/",
        "file://u@host/",
        "file://host:80/",
        "1http://test.com/",
    ],
)
def test_refuses_what_is_not_an_absolute_url(url: str) -> None:
    with pytest.raises(ValueError, match="^Invalid URL: "):
        normalise_url(url)


@pytest.mark.parametrize("start", ["https://", "https:", "https:\\\\"])
def test_a_password_is_not_shown(start: str) -> None:
    with pytest.raises(ValueError, match="^Invalid URL: ") as caught:
        normalise_url(f"{start}user:secret@te st/x")

    assert str(caught.value) == f"Invalid URL: {start}…@te st/x"


@given(st.text(alphabet=st.sampled_from("abAB.:/\\?#%@[]2eé \t0"), max_size=20))
def test_a_normal_url_stays_normal(rest: str) -> None:
    try:
        url = normalise_url(f"https://h{rest}")
    except ValueError:
        return

    assert normalise_url(url) == url


def test_blanks_around_a_url_and_breaks_in_it_are_dropped() -> None:
    assert stripped_url(" \x00 /a\tb \r\nc\x1f ") == "/ab c"
