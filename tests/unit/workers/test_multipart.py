import pytest

from workers._multipart import encode_multipart, header_parameters, parse_multipart
from workers.blob import File


def body(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


async def test_reads_fields_and_files_between_preamble_and_epilogue() -> None:
    data = body(
        "preamble --b",
        "--b \t",
        'Content-Disposition: form-data; name="a"',
        "",
        "one",
        "two",
        "--b",
        "content-type: Text/HTML",
        'CONTENT-DISPOSITION: Form-Data; filename="x.html"; name=f',
        "X-Other: ignored",
        "",
        "<p>",
        "--b--",
        "epilogue",
    )

    (name, text), (file_name, file) = parse_multipart(data, "b")

    assert (name, text, file_name) == ("a", "one\r\ntwo", "f")
    assert isinstance(file, File)
    assert (file.name, file.content_type) == ("x.html", "text/html")
    assert await file.text() == "<p>"


@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        ('filename="a.txt"', "a.txt"),
        ("filename=a.txt", "a.txt"),
        ('filename="a;b.txt"', "a;b.txt"),
        ('filename="say %22hi%22%0d%0A"', 'say "hi"\r\n'),
        ('filename="say \\"hi\\""', 'say "hi"'),
        (r'filename="C:\dir\a.txt"', r"C:\dir\a.txt"),
        ('filename="grün.txt"', "grün.txt"),
        ("filename=\"a\"; filename*=UTF-8''gr%C3%BCn%20.txt", "grün .txt"),
        ("filename*=iso-8859-1'de'gr%FCn.txt", "grün.txt"),
        ("filename=\"a\"; filename*=klingon''x", "a"),
        ('filename=""', ""),
    ],
)
def test_reads_file_names_as_clients_write_them(parameters: str, filename: str) -> None:
    data = body("--b", f'Content-Disposition: form-data; name="f"; {parameters}', "", "x", "--b--")

    [(name, file)] = parse_multipart(data, "b")

    assert name == "f"
    assert isinstance(file, File)
    assert (file.name, file.content_type) == (filename, "text/plain")


async def test_a_nested_multipart_is_a_value_like_another() -> None:
    inner = body("--in", "", "x", "--in--")
    data = (
        body(
            "--b",
            'Content-Disposition: form-data; name="f"; filename="m"',
            "Content-Type: multipart/mixed; boundary=in",
            "",
            "",
        )
        + inner
        + b"\r\n--b--"
    )

    [(_, file)] = parse_multipart(data, "b")

    assert isinstance(file, File)
    assert file.content_type == "multipart/mixed; boundary=in"
    assert await file.bytes() == inner


def test_text_that_is_not_utf8_is_replaced() -> None:
    data = body("--b", 'Content-Disposition: form-data; name="a"', "", "") + b"\xff\r\n--b--"

    assert parse_multipart(data, "b") == [("a", "\ufffd")]


def test_a_form_without_fields_is_empty() -> None:
    assert parse_multipart(b"--b--\r\n", "b") == []
    assert encode_multipart([])[0].startswith(b"------edgestead-")


HEAD = 'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "boundary of its content type"),
        (b"x--b\r\n", "boundary of its content type"),
        (body("--b", HEAD, "", "x"), "final boundary is missing"),
        (body("--b", HEAD, "", "x", "--b"), "not alone on its line"),
        (body("--b", HEAD, "", "x", "--bc", HEAD, "", "y", "--bc--"), "not alone on its line"),
        (body("--b", HEAD), "headers do not end"),
        (body("--b", HEAD, "X: " + "y" * 17_000, "", "x", "--b--"), "headers do not end"),
        (body("--b", "", "x", "--b--"), "no Content-Disposition"),
        (body("--b", "no colon", "", "x", "--b--"), "no Content-Disposition"),
        (body("--b", "Content-Disposition: attachment", "", "x", "--b--"), "no Content-Disp"),
        (body("--b", "Content-Disposition: form-data; x=y", "", "x", "--b--"), "has no name"),
        (body(*["--b", HEAD, "", "x"] * 1001, "--b--"), "over 1000 parts"),
    ],
)
def test_a_malformed_body_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_multipart(data, "b")


def test_the_most_parts_are_read() -> None:
    assert len(parse_multipart(body(*["--b", HEAD, "", "x"] * 1000, "--b--"), "b")) == 1000


def test_each_body_has_a_boundary_of_its_own() -> None:
    first, second = (encode_multipart([("a", "x")])[1] for _ in range(2))

    assert first != second
    assert len(header_parameters(first)["boundary"]) <= 70


def test_reads_header_parameters() -> None:
    value = 'multipart/form-data; Boundary="a b;\\"c"; x = y; boundary=second'

    assert header_parameters(value) == {"boundary": 'a b;"c', "x": "y"}
