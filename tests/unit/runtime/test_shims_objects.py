from datetime import UTC, datetime

import pytest

from runtime._loader.shims.js import JSON, Array, Date, Object, Uint8Array
from runtime._loader.shims.pyodide_ffi import JsException
from workers import Headers


def test_objects_are_made_of_pairs_and_mappings() -> None:
    for entries in ([["a", 1], ("b", 2)], {"a": 1, "b": 2}, {"a": 1, "b": 2}.items()):
        value = Object.fromEntries(entries)
        assert value == {"a": 1, "b": 2}
        assert (value.a, value.b) == (1, 2)
    assert Object.fromEntries([[1, "x"]]) == {"1": "x"}


def test_objects_are_written_by_attribute() -> None:
    value = Object.new()
    value.a = 1

    assert value == {"a": 1}


def test_objects_are_taken_apart() -> None:
    value = {"a": 1, "b": [2]}

    assert Object.entries(value) == [["a", 1], ["b", [2]]]
    assert Object.keys(value) == ["a", "b"]
    assert Object.values(value) == [1, [2]]
    assert Object.fromEntries(Object.entries(value)) == value
    assert Object.entries(Headers({"A": "1"})) == [["a", "1"]]


def test_objects_are_merged_in_place() -> None:
    target = {"a": 1}

    assert Object.assign(target, {"b": 2}, None, {"a": 3}) is target
    assert target == {"a": 3, "b": 2}


def test_json_reads_objects_with_attributes() -> None:
    value = JSON.parse('{"user": {"name": "Ada"}, "list": [{"n": 1}], "none": null}')

    assert value.user.name == "Ada"
    assert value.list[0].n == 1
    assert value.none is None
    assert JSON.parse(b"[1.5]") == [1.5]


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", "[Infinity]", "[-Infinity]"])
def test_json_refuses_what_javascript_does(text: str) -> None:
    with pytest.raises(JsException, match="^Invalid JSON: ") as caught:
        JSON.parse(text)

    assert caught.value.name == "SyntaxError"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
        ('é"', '"é\\""'),
        ("\ud83d", '"\\ud83d"'),
        ([1, (2, 3)], "[1,[2,3]]"),
        ({"a": {"b": [1.0]}}, '{"a":{"b":[1]}}'),
        ({1: "a", 1.0 + 1: "b", None: "c", False: "d"}, '{"1":"a","2":"b","null":"c","false":"d"}'),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), '"2026-01-31T12:00:00.000Z"'),
        ([Date.new(0)], '["1970-01-01T00:00:00.000Z"]'),
    ],
)
def test_json_writes_as_javascript_does(value: object, text: str) -> None:
    assert JSON.stringify(value) == text


def test_json_can_be_indented() -> None:
    assert JSON.stringify({"a": [1]}, None, 2) == '{\n  "a": [\n    1\n  ]\n}'
    assert JSON.stringify([1], None, "\t") == "[\n\t1\n]"


def test_json_names_what_it_cannot_write() -> None:
    with pytest.raises(TypeError, match="^Object of type set is not JSON serializable$"):
        JSON.stringify({"a": {1}})
    with pytest.raises(TypeError, match="no replacer here"):
        JSON.stringify({}, lambda key, value: value)


def test_arrays_are_lists() -> None:
    assert Array.new(1, 2) == Array.of(1, 2) == [1, 2]
    assert Array.from_("ab") == ["a", "b"]
    assert Array.isArray([]) and not Array.isArray(())


def test_byte_arrays_can_be_changed() -> None:
    array = Uint8Array.new([1, 2])
    array[0] = 9

    assert array.to_bytes() == b"\x09\x02"
    assert type(array.to_bytes()) is bytes
    assert (array.length, array.byteLength) == (2, 2)
    array.to_py()[1] = 8
    assert array == b"\x09\x08"
    assert Uint8Array.new() == b""
    assert Uint8Array.new(3) == b"\0\0\0"
    assert Uint8Array.new(b"ab") == b"ab"
