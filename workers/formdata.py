"""FormData: the fields of a form, several of one name allowed."""

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, ValuesView
from typing import TypeAlias

from workers._multipart import encode_multipart, header_parameters, parse_multipart
from workers._text import to_text
from workers.blob import Blob, File
from workers.urlencoded import parse_urlencoded

__all__ = ["FormData", "FormDataValue", "parse_form"]

FormDataValue: TypeAlias = str | Blob | File


class FormData(MutableMapping[str, FormDataValue]):
    """The fields of a form in their order; a name may come several times.

    `form[name]` is the first value of a name, KeyError when there is none. Iteration, `len`,
    `items()` and `values()` count every value. Numbers are stored as text; a Blob is stored as a
    File, named "blob" unless told otherwise.
    """

    __slots__ = ("_fields",)

    def __init__(
        self, form_data: "FormData | Mapping[str, FormDataValue | int | float] | None" = None
    ) -> None:
        self._fields: list[tuple[str, str | File]] = []
        if isinstance(form_data, FormData):
            self._fields.extend(form_data._fields)
        elif isinstance(form_data, Mapping):
            for name, value in form_data.items():
                self.append(name, value)
        elif form_data is not None:
            raise TypeError(
                f"form_data must be a dict or a FormData, got {type(form_data).__name__}"
            )

    def __getitem__(self, key: str) -> str | File:
        for name, value in self._fields:
            if name == key:
                return value
        raise KeyError(key)

    def __setitem__(self, key: str, value: FormDataValue | int | float) -> None:
        """Put one value in place of all that `key` has."""
        entry = _entry(key, value, None)
        kept: list[tuple[str, str | File]] = []
        placed = False
        for field in self._fields:
            if field[0] != key:
                kept.append(field)
            elif not placed:
                kept.append(entry)
                placed = True
        if not placed:
            kept.append(entry)
        self._fields = kept

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.delete(key)

    def __contains__(self, key: object) -> bool:
        return any(name == key for name, _ in self._fields)

    def __iter__(self) -> Iterator[str]:
        for name, _ in self._fields:
            yield name

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FormData):
            return self._fields == other._fields
        return NotImplemented

    def items(self) -> ItemsView[str, str | File]:
        """Return the pairs of name and value, one for each value."""
        return _Items(self)

    def values(self) -> ValuesView[str | File]:
        """Return every value, in order."""
        return _Values(self)

    def get_all(self, key: str) -> list[str | File]:
        """Return the values of `key`, an empty list when there are none."""
        return [value for name, value in self._fields if name == key]

    def append(
        self, key: str, value: FormDataValue | int | float, filename: str | None = None
    ) -> None:
        """Add a value to those that `key` has; `filename` names a Blob or renames a File."""
        self._fields.append(_entry(key, value, filename))

    def delete(self, key: str) -> None:
        """Remove every value of `key`, if there are any."""
        self._fields = [field for field in self._fields if field[0] != key]

    # The names that JavaScript has for the same.
    getAll = get_all
    set = __setitem__
    has = __contains__
    entries = items

    @property
    def js_object(self) -> "FormData":
        """The object itself, for source that asks for the JavaScript one."""
        return self

    def body_and_type(self) -> tuple[bytes, str]:
        """Return what a request or a response sends of this: multipart, with its boundary."""
        return encode_multipart(self._fields)

    def __repr__(self) -> str:
        return f"<FormData {', '.join(dict.fromkeys(self))}>"


def parse_form(data: bytes, content_type: str) -> FormData:
    """Return the form in a body of that content type.

    Raises TypeError when the type is not that of a form, ValueError when the body is malformed.
    """
    kind = content_type.partition(";")[0].strip().lower()
    form = FormData()
    if kind == "application/x-www-form-urlencoded":
        form._fields.extend(parse_urlencoded(data))
    elif kind == "multipart/form-data":
        boundary = header_parameters(content_type).get("boundary")
        if not boundary:
            raise TypeError("The content type multipart/form-data has no boundary")
        form._fields.extend(parse_multipart(data, boundary))
    else:
        raise TypeError(
            "A form is multipart/form-data or application/x-www-form-urlencoded; "
            f"the content type is {kind or 'missing'}"
        )
    return form


class _Items(ItemsView[str, str | File]):
    _mapping: FormData

    def __iter__(self) -> Iterator[tuple[str, str | File]]:
        return iter(self._mapping._fields)


class _Values(ValuesView[str | File]):
    _mapping: FormData

    def __iter__(self) -> Iterator[str | File]:
        for _, value in self._mapping._fields:
            yield value


def _entry(key: str, value: object, filename: str | None) -> tuple[str, str | File]:
    if isinstance(value, Blob):
        return str(key), _as_file(value, filename)
    text = to_text(value)
    if text is None:
        raise TypeError(
            f"The value of form field {key!r} must be a str, a number, a Blob or a File, "
            f"got {type(value).__name__}; put bytes into a Blob"
        )
    if filename is not None:
        raise TypeError(f"Form field {key!r} is text; only a Blob or a File has a filename")
    return str(key), text


def _as_file(blob: Blob, filename: str | None) -> File:
    if isinstance(blob, File) and filename in (None, blob.name):
        return blob
    return File(blob, "blob" if filename is None else filename)
