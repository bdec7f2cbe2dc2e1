import pytest

from workers.blob import Blob, BlobEnding, File


async def test_joins_parts_of_every_kind() -> None:
    blob = Blob(["é", b"b", bytearray(b"c"), memoryview(b"d"), Blob("e")])

    assert await blob.bytes() == b"\xc3\xa9bcde"
    assert await blob.text() == "ébcde"
    assert blob.size == 6
    assert blob.content_type == ""
    assert blob.js_object is blob


@pytest.mark.parametrize("part", ["abc", b"abc", bytearray(b"abc"), memoryview(b"abc")])
async def test_takes_one_part_by_itself(part: str | bytes) -> None:
    assert await Blob(part).bytes() == b"abc"


async def test_bytes_are_not_copied() -> None:
    data = b"abc" * 100

    assert await Blob(data).bytes() is data


def test_a_single_blob_hands_on_its_type_and_a_list_does_not() -> None:
    typed = Blob("x", content_type="text/CSV")

    assert typed.content_type == "text/csv"
    assert Blob(typed).content_type == "text/csv"
    assert Blob(typed, content_type="a/b").content_type == "a/b"
    assert Blob([typed]).content_type == ""


def test_a_type_that_is_not_printable_ascii_is_dropped() -> None:
    assert Blob("x", content_type="a/b\n").content_type == ""
    assert Blob("x", content_type="a/é").content_type == ""


@pytest.mark.parametrize("bounds", [(None, None), (1, 3), (-2, None), (None, -1), (3, 1), (0, 99)])
async def test_slices_as_a_sequence(bounds: tuple[int | None, int | None]) -> None:
    blob = Blob("abcd", content_type="a/b")

    part = blob.slice(*bounds)

    assert await part.text() == "abcd"[slice(*bounds)]
    assert part.content_type == ""
    assert blob.slice(0, 1, "c/d").content_type == "c/d"


async def test_native_endings_are_line_feeds_in_text_alone() -> None:
    parts = ["a\r\nb\rc\n", b"d\r\n"]

    assert await Blob(parts, endings=BlobEnding.NATIVE).bytes() == b"a\nb\nc\nd\r\n"
    assert await Blob(parts, endings="transparent").bytes() == b"a\r\nb\rc\nd\r\n"
    with pytest.raises(ValueError, match="other"):
        Blob("x", endings="other")


@pytest.mark.parametrize("parts", [3, None, [3], [None]])
def test_refuses_other_parts(parts: object) -> None:
    with pytest.raises(TypeError, match="A Blob is made of"):
        Blob(parts)


def test_a_file_has_a_name_and_a_time() -> None:
    file = File(["x"], "a.txt", content_type="text/plain", last_modified=5)

    assert (file.name, file.content_type, file.last_modified) == ("a.txt", "text/plain", 5)
    assert File("x", filename="b").last_modified > 1_600_000_000_000
    assert repr(file) == "File(name='a.txt', size=1, content_type='text/plain')"
    assert repr(Blob("x")) == "Blob(size=1, content_type='')"


def test_a_file_of_a_file_keeps_all_but_the_name() -> None:
    file = File(["x"], "a.txt", content_type="text/plain", last_modified=5)

    copy = File(file, "b.txt")

    assert (copy.name, copy.content_type, copy.last_modified) == ("b.txt", "text/plain", 5)
    assert File(file, "c", last_modified=0).last_modified == 0
    assert Blob(file).content_type == "text/plain"


def test_the_javascript_name_of_the_type_is_there() -> None:
    assert Blob("x", content_type="application/json").js_object.type == "application/json"
    assert File("x", "a", content_type="a/b").type == "a/b"
