import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrangler_compat.config.schedules import cron_fault

FIELD = st.one_of(
    st.just("*"),
    st.integers(1, 7).map(str),
    st.tuples(st.integers(1, 3), st.integers(4, 7)).map("{0[0]}-{0[1]}".format),
    st.integers(1, 9).map("*/{}".format),
)


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *",
        "*/5 * * * *",
        "0 0 1 1 *",
        "59 23 31 12 7",
        "0,15,30,45 9-17 * * MON-FRI",
        "0 12 * jan,Dec sun",
        "0 0-23/2 * * *",
        "0 0 L * *",
        "0 0 LW * *",
        "0 0 15W * *",
        "0 0 * * 5L",
        "0 0 * * MON#2",
        "0 0 ? * *",
        "  0   0 * * *  ",
    ],
)
def test_cron_expression_is_accepted(cron: str) -> None:
    assert cron_fault(cron) is None


@pytest.mark.parametrize(
    ("cron", "fault"),
    [
        ("", "it has 0 fields instead of five"),
        ("* * * *", "it has 4 fields instead of five"),
        ("* * * * * *", "it has 6 fields instead of five"),
        ("60 * * * *", '"60" is no minute, which goes from 0 to 59'),
        ("* 24 * * *", '"24" is no hour, which goes from 0 to 23'),
        ("* * 0 * *", '"0" is no day of month, which goes from 1 to 31'),
        ("* * * 13 *", '"13" is no month, which goes from 1 to 12'),
        ("* * * * 8", '"8" is no day of week, which goes from 0 to 7'),
        ("0-60 * * * *", '"0-60" is no minute, which goes from 0 to 59'),
        ("MON * * * *", '"MON" is no minute, which goes from 0 to 59'),
        ("* * * MON *", '"MON" is no month, which goes from 1 to 12'),
        ("*/0 * * * *", '"*/0" is no minute'),
        ("1,,2 * * * *", '"1,,2" is no minute'),
        ("x * * * *", '"x" is no minute'),
        ("5/ * * * *", '"5/" is no minute'),
        ("-1 * * * *", '"-1" is no minute'),
        ("²  * * * *", '"²" is no minute'),
    ],
)
def test_anything_else_is_named(cron: str, fault: str) -> None:
    assert cron_fault(cron) == fault


@given(st.lists(st.lists(FIELD, min_size=1, max_size=3).map(",".join), min_size=5, max_size=5))
def test_lists_of_values_ranges_and_steps_are_accepted_in_every_field(fields: list[str]) -> None:
    assert cron_fault(" ".join(fields)) is None


@given(st.text() | st.text("0123456789*/,-LW#? MONFRI", max_size=20))
def test_no_text_raises(cron: str) -> None:
    assert isinstance(cron_fault(cron), str | None)
