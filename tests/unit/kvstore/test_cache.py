from kvstore import Record
from kvstore._cache import ReadCache


def test_what_is_kept_is_found_absent_keys_included() -> None:
    cache = ReadCache(10_000)
    cache.keep("ns", b"a", Record(b"1"))
    cache.keep("ns", b"b", None)

    assert cache.find("ns", b"a") == (True, Record(b"1"))
    assert cache.find("ns", b"b") == (True, None)
    assert cache.find("other", b"a") == (False, None)


def test_a_key_that_is_forgotten_or_kept_anew_is_counted_once() -> None:
    cache = ReadCache(1_000)
    for value in (b"x" * 100, b"y" * 200, b"z"):
        cache.keep("ns", b"a", Record(value, b"meta"))
    cache.forget("ns", b"a")
    cache.forget("ns", b"a")

    assert len(cache) == 0
    assert cache._bytes == 0


def test_what_was_read_longest_ago_makes_room() -> None:
    cache = ReadCache(2_000)
    for key in (b"a", b"b", b"c"):
        cache.keep("ns", key, Record(b"v" * 100))
    cache.find("ns", b"a")

    cache.keep("ns", b"d", Record(b"v" * 100))

    assert [cache.find("ns", key)[0] for key in (b"a", b"b", b"c", b"d")] == [
        True,
        False,
        True,
        True,
    ]


def test_a_record_over_the_limit_is_not_kept() -> None:
    cache = ReadCache(1_000)

    cache.keep("ns", b"a", Record(b"v" * 5_000))

    assert len(cache) == 0


def test_clear_forgets_everything() -> None:
    cache = ReadCache(10_000)
    cache.keep("ns", b"a", None)

    cache.clear()

    assert cache.find("ns", b"a") == (False, None)
    assert cache._bytes == 0
