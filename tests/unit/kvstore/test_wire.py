import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvstore import CorruptRecordError, EngineLockedError, OwnerUnavailableError, StoreError
from kvstore._wire import (
    MAX_FRAME_BYTES,
    Beat,
    Chunk,
    Done,
    Failed,
    Found,
    FrameError,
    FrameReader,
    Get,
    Hello,
    Invalidate,
    Page,
    WireRecord,
    WireWrite,
    Write,
    decode_client_message,
    decode_owner_message,
    encode_frame,
    error_for,
    failure_of,
)
from kvstore.engine import Entry


@pytest.mark.parametrize(
    "message",
    [
        Hello(1, True),
        Get(1, "ns", b"\xff"),
        Write(
            2, [WireWrite("ns", b"k", b"v", b"{}", 5), WireWrite("ns", b"k"), WireWrite("", b"", 7)]
        ),
        Chunk(3, b""),
    ],
)
def test_a_clients_message_comes_back_as_it_was(message: Hello | Get | Write | Chunk) -> None:
    (data,) = FrameReader().feed(encode_frame(message))

    assert decode_client_message(data) == message


@pytest.mark.parametrize(
    "message",
    [
        Found(1, WireRecord(b"v", 1, None, None), True),
        Found(1, WireRecord(4, 10**9, b"m", 2**40), False),
        Found(1, None, True),
        Page(2, [Entry(b"k", b"m", 1), Entry(b"l")], True),
        Invalidate(3, [("ns", b"key")]),
        Beat(12.5),
        Done(4),
    ],
)
def test_an_owners_message_comes_back_as_it_was(
    message: Found | Page | Invalidate | Beat | Done,
) -> None:
    (data,) = FrameReader().feed(encode_frame(message))

    assert decode_owner_message(data) == message


@given(st.lists(st.binary(max_size=50), max_size=10), st.lists(st.integers(1, 40)))
def test_frames_are_found_however_the_bytes_arrive(datas: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(Chunk(number, data)) for number, data in enumerate(datas))
    reader = FrameReader()
    found = []
    while stream:
        size = cuts.pop() if cuts else len(stream)
        found += reader.feed(stream[:size])
        stream = stream[size:]

    assert [decode_client_message(data) for data in found] == [
        Chunk(number, data) for number, data in enumerate(datas)
    ]


def test_a_frame_over_the_limit_is_refused_before_it_arrives() -> None:
    with pytest.raises(FrameError, match="over 67108864"):
        FrameReader().feed((MAX_FRAME_BYTES + 1).to_bytes(4))
    with pytest.raises(FrameError, match="over 67108864"):
        encode_frame(Chunk(1, bytes(MAX_FRAME_BYTES)))


@given(st.binary(max_size=60))
def test_nonsense_is_told_as_such(data: bytes) -> None:
    for decode in (decode_client_message, decode_owner_message):
        try:
            decode(data)
        except FrameError as error:
            assert "not a message of" in str(error)


def test_owner_and_client_do_not_take_each_others_messages() -> None:
    with pytest.raises(FrameError, match="not a message of a client"):
        decode_client_message(msgspec.msgpack.encode(Done(1)))
    with pytest.raises(FrameError, match="not a message of an owner"):
        decode_owner_message(msgspec.msgpack.encode(Get(1, "ns", b"k")))


def test_errors_keep_their_class_and_words() -> None:
    carried = error_for(failure_of(1, CorruptRecordError("it is damaged")))
    assert type(carried) is CorruptRecordError
    assert str(carried) == "it is damaged"
    for error in (OwnerUnavailableError("gone"), StoreError("other")):
        assert isinstance(error_for(failure_of(1, error)), StoreError)
    assert type(error_for(Failed(1, EngineLockedError.code, "x"))) is StoreError
