import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvstore import CorruptRecordError, FormatTooNewError
from kvstore._records import DetachedValue, StoredRecord, decode_record, encode_record

records = st.builds(
    StoredRecord,
    st.binary(max_size=200),
    st.none() | st.binary(max_size=1024),
    st.none() | st.integers(1, 2**64 - 1),
)


@given(records)
def test_a_record_comes_back_as_it_was(record: StoredRecord) -> None:
    stored = decode_record(encode_record(record), "ns", b"key")

    assert stored == record


def test_the_layout_of_version_1_is_pinned() -> None:
    stored = "0101" + "000000006b49d200" + "0002" + "7b7d" + "76616c7565"
    data = bytes.fromhex(stored) + zlib.crc32(bytes.fromhex(stored)).to_bytes(4)

    assert encode_record(StoredRecord(b"value", b"{}", 1_800_000_000)) == data
    assert decode_record(data, "ns", b"k") == StoredRecord(b"value", b"{}", 1_800_000_000)


def test_a_detached_value_is_described_in_its_place() -> None:
    value = b"x" * 5000
    detached = DetachedValue(b"i" * 12, len(value), zlib.crc32(value))
    record = StoredRecord(detached, b"1", None)

    assert decode_record(encode_record(record), "ns", b"key") == record
    assert detached.matches(value)
    assert not detached.matches(value[:-1])
    assert not detached.matches(b"y" * 5000)


@given(records, st.data())
def test_every_changed_byte_is_noticed(record: StoredRecord, data: st.DataObject) -> None:
    stored = bytearray(encode_record(record))
    position = data.draw(st.integers(0, len(stored) - 1))
    stored[position] ^= data.draw(st.integers(1, 255))

    with pytest.raises((CorruptRecordError, FormatTooNewError)) as error:
        decode_record(bytes(stored), "my-namespace", b"my-key")

    assert "'my-key' in namespace 'my-namespace'" in str(error.value)


@given(st.binary(max_size=40))
def test_what_is_no_record_is_damaged_or_too_new(data: bytes) -> None:
    with pytest.raises((CorruptRecordError, FormatTooNewError)):
        decode_record(data, "ns", b"key")


def test_a_newer_format_is_refused_and_named() -> None:
    data = b"\x02" + encode_record(StoredRecord(b"v", None, None))[1:]

    with pytest.raises(FormatTooNewError, match="has record format 2, this version reads up to 1"):
        decode_record(data, "ns", b"key")


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ("0000" + "00" * 8 + "0000", "its head makes no sense"),
        ("0104" + "00" * 8 + "0000", "its head makes no sense"),
        ("0101" + "00" * 8 + "0009", "its head makes no sense"),
        ("0102" + "00" * 8 + "0000", "its reference makes no sense"),
    ],
)
def test_a_head_that_makes_no_sense_is_damage_even_with_a_checksum(head: str, fault: str) -> None:
    body = bytes.fromhex(head) + b"payload"
    data = body + zlib.crc32(body).to_bytes(4)

    with pytest.raises(CorruptRecordError, match=fault):
        decode_record(data, "ns", b"key")
