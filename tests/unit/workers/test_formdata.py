import pytest

from workers.blob import Blob, File
from workers.formdata import FormData, parse_form


def test_takes_a_dict_and_makes_text_of_numbers() -> None:
    form = FormData({"a": "x", "b": 1, "c": 1.5, "d": False})

    assert list(form.items()) == [("a", "x"), ("b", "1"), ("c", "1.5"), ("d", "false")]
    assert form.js_object is form


def test_a_name_may_have_several_values() -> None:
    form = FormData({"a": "1"})
    form.append("b", "2")
    form.append("a", "3")

    assert form["a"] == "1"
    assert form.get_all("a") == form.getAll("a") == ["1", "3"]
    assert form.get_all("x") == []
    assert list(form) == list(form.keys()) == ["a", "b", "a"]
    assert list(form.values()) == ["1", "2", "3"]
    assert list(form.entries()) == [("a", "1"), ("b", "2"), ("a", "3")]
    assert len(form) == 3
    assert repr(form) == "<FormData a, b>"


def test_a_missing_name() -> None:
    form = FormData()

    assert form.get("x") is None
    assert "x" not in form and not form.has("x")
    with pytest.raises(KeyError, match="x"):
        form["x"]
    with pytest.raises(KeyError, match="x"):
        del form["x"]
    form.delete("x")


def test_setting_replaces_every_value_in_the_place_of_the_first() -> None:
    form = FormData({"a": "1", "b": "2"})
    form.append("a", "3")

    form["a"] = "4"
    form.set("c", 5)

    assert list(form.items()) == [("a", "4"), ("b", "2"), ("c", "5")]


def test_deleting_removes_every_value() -> None:
    form = FormData({"a": "1", "b": "2"})
    form.append("a", "3")

    del form["a"]

    assert list(form) == ["b"]


def test_blobs_become_files() -> None:
    form = FormData({"a": Blob("x", content_type="a/b")})
    form.append("b", Blob("y"), filename="y.txt")
    named = File("z", "z.txt")
    form.append("c", named)
    form.append("d", named, "other.txt")

    files = list(form.values())

    assert [file.name for file in files if isinstance(file, File)] == [
        "blob",
        "y.txt",
        "z.txt",
        "other.txt",
    ]
    assert isinstance(files[0], File) and files[0].content_type == "a/b"
    assert files[2] is named


@pytest.mark.parametrize("value", [b"x", None, ["x"], {"x": 1}])
def test_refuses_values_of_other_types(value: object) -> None:
    form = FormData()

    with pytest.raises(TypeError, match=f"'a'.*{type(value).__name__}"):
        form["a"] = value


def test_text_has_no_filename() -> None:
    with pytest.raises(TypeError, match="'a' is text"):
        FormData().append("a", "x", filename="a.txt")


def test_is_made_of_a_form_or_a_dict_alone() -> None:
    form = FormData({"a": "1"})
    form.append("a", "2")

    copy = FormData(form)
    assert copy == form
    copy.append("b", "3")

    assert copy != form and form != {"a": "1"}
    assert list(FormData(None)) == []
    with pytest.raises(TypeError, match="got list"):
        FormData([("a", "1")])


async def test_survives_being_sent() -> None:
    form = FormData({"text": 'grün "x"\n'})
    form.append("file", File(b"\0\r\n--", 'we "ird\r\n é.bin', content_type="a/b"))
    form.append("blob", Blob("x"))

    received = parse_form(*form.body_and_type())

    assert received["text"] == 'grün "x"\n'
    file, blob = received["file"], received["blob"]
    assert isinstance(file, File) and isinstance(blob, File)
    assert (file.name, file.content_type) == ('we "ird\r\n é.bin', "a/b")
    assert await file.bytes() == b"\0\r\n--"
    assert (blob.name, blob.content_type) == ("blob", "application/octet-stream")


def test_parses_urlencoded_bodies() -> None:
    form = parse_form(
        b"\xef\xbb\xbfa=1+2&b=%C3%A9&a=&=x&c&&d=%ff%zz",
        "Application/X-WWW-Form-Urlencoded; charset=x",
    )

    assert list(form.items()) == [
        ("a", "1 2"),
        ("b", "é"),
        ("a", ""),
        ("", "x"),
        ("c", ""),
        ("d", "\ufffd%zz"),
    ]


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "multipart/mixed"])
def test_refuses_other_content_types(kind: str) -> None:
    with pytest.raises(TypeError, match="content type|missing"):
        parse_form(b"a=1", kind)
