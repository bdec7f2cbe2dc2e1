import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvstore._expiry import expiry_key, expiry_range_end, has_expired, indexed_store_key
from kvstore._keys import (
    PIECE_BYTES,
    RECORDS_END,
    namespace_prefix,
    piece_keys,
    range_end,
    split_record_key,
)

names = st.text(min_size=1, max_size=60)


@given(names, st.binary(max_size=20))
def test_a_record_key_comes_apart_again(namespace: str, key: bytes) -> None:
    record_key = namespace_prefix(namespace) + key

    assert split_record_key(record_key) == (namespace, key)
    assert record_key < RECORDS_END


@given(names, st.binary(max_size=20), names)
def test_no_key_of_one_namespace_starts_like_another(one: str, key: bytes, other: str) -> None:
    if one != other:
        assert not (namespace_prefix(one) + key).startswith(namespace_prefix(other))


@given(st.binary(min_size=1, max_size=4), st.binary(max_size=4))
def test_the_end_of_a_range_is_behind_all_that_start_so(prefix: bytes, rest: bytes) -> None:
    if prefix.strip(b"\xff"):
        end = range_end(prefix)
        assert prefix + rest < end
        assert not end.startswith(prefix)


@pytest.mark.parametrize(
    ("length", "count"),
    [(0, 0), (1, 1), (PIECE_BYTES, 1), (PIECE_BYTES + 1, 2), (25 * 1024 * 1024, 400)],
)
def test_a_value_has_as_many_pieces_as_it_fills(length: int, count: int) -> None:
    keys = piece_keys(b"i" * 12, length)

    assert len(set(keys)) == count
    assert keys == sorted(keys)


@given(st.integers(0, 2**40), st.integers(0, 2**40), names)
def test_index_entries_stand_in_the_order_of_time(one: int, other: int, namespace: str) -> None:
    record_key = namespace_prefix(namespace) + b"key"

    assert (expiry_key(one, record_key) < expiry_key(other, record_key)) == (one < other)
    assert indexed_store_key(expiry_key(one, record_key)) == record_key
    assert (expiry_key(one, record_key) < expiry_range_end(other + 0.5)) == (
        has_expired(one, other + 0.5)
    )


def test_expired_means_from_its_second_on() -> None:
    assert not has_expired(None, 1e12)
    assert not has_expired(100, 99.9)
    assert has_expired(100, 100)
