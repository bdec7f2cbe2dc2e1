import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from runtime._loader.shims.js import Date
from runtime._loader.shims.pyodide_ffi import JsException


def test_now_is_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000

    assert before <= Date.now() <= Date.new().getTime() + 1
    assert Date.new().getTime() <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        1_769_860_815_123,
        1_769_860_815_123.9,
        "2026-01-31T12:00:15.123Z",
        "2026-01-31T13:00:15.123+01:00",
        "2026-01-31T12:00:15.123999",
        datetime(2026, 1, 31, 12, 0, 15, 123_999),
        datetime(2026, 1, 31, 17, 0, 15, 123_000, tzinfo=timezone(timedelta(hours=5))),
        Date.new(1_769_860_815_123),
    ],
)
def test_is_made_of_milliseconds_text_and_dates(value: object) -> None:
    date = Date.new(value)

    assert date.getTime() == date.valueOf() == int(date) == 1_769_860_815_123
    assert date.toISOString() == date.toJSON() == "2026-01-31T12:00:15.123Z"


def test_text_may_be_a_day_or_of_http() -> None:
    assert Date.new("2026-01-31").toISOString() == "2026-01-31T00:00:00.000Z"
    assert Date.new("Sat, 31 Jan 2026 12:00:00 GMT").toISOString() == "2026-01-31T12:00:00.000Z"
    assert Date.parse("1970-01-01T00:00:01Z") == 1000


def test_is_made_of_parts_in_utc_that_carry() -> None:
    assert Date.new(2026, 0, 31, 12, 0, 15, 123).toISOString() == "2026-01-31T12:00:15.123Z"
    assert Date.new(2026, 0).toISOString() == "2026-01-01T00:00:00.000Z"
    assert Date.new(2026, 12, 0).toISOString() == "2026-12-31T00:00:00.000Z"
    assert Date.new(2026, -1, 1, 24).toISOString() == "2025-12-02T00:00:00.000Z"
    assert Date.UTC(2026) == Date.new(2026, 0, 1).getTime()
    assert Date.UTC(2026, 1, 2) == Date.new(2026, 1, 2).getTime()


def test_has_parts() -> None:
    date = Date.new("2026-02-01T03:04:05.006Z")

    assert (date.getFullYear(), date.getMonth(), date.getDate(), date.getDay()) == (2026, 1, 1, 0)
    assert (date.getHours(), date.getMinutes(), date.getSeconds()) == (3, 4, 5)
    assert date.getMilliseconds() == 6
    assert date.getTimezoneOffset() == 0
    for part in ("FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds", "Milliseconds"):
        assert getattr(date, f"getUTC{part}")() == getattr(date, f"get{part}")()


def test_is_written_as_text() -> None:
    date = Date.new("2026-01-31T12:00:00Z")

    assert date.toUTCString() == date.toString() == str(date) == "Sat, 31 Jan 2026 12:00:00 GMT"
    assert repr(date) == "Date('2026-01-31T12:00:00.000Z')"
    assert date.to_py() == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_dates_compare_and_subtract() -> None:
    first, second = Date.new(1000), Date.new(3500)

    assert second - first == 2500
    assert first < second and second > first
    assert first == Date.new(1000) and first != second and first != 1000
    assert len({first, Date.new(1000), second}) == 2


@pytest.mark.parametrize(
    "parts",
    [
        ("tomorrow",),
        ("",),
        (None,),
        ([],),
        (float("nan"),),
        (float("inf"),),
        (1e300,),
        (2026, "January"),
        (2026, float("nan")),
        (20_000, 0),
        (2026, 0, 10**10),
    ],
)
def test_what_is_no_date_is_refused(parts: tuple[object, ...]) -> None:
    with pytest.raises(JsException, match="^Invalid Date: ") as caught:
        Date.new(*parts)

    assert caught.value.name == "RangeError"
