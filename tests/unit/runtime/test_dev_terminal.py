"""What is printed: log lines, the request log, the list of workers."""

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest

from runtime._dev.terminal import RequestLog, open_logging, printable, worker_table
from runtime._http.front import RequestRecord


class Terminal(io.StringIO):
    """A stream that shows colours."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in ("aiohttp", "asyncio", "watchfiles")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)


def record(path: str = "/x", status: int = 200) -> RequestRecord:
    return RequestRecord("GET", path, status, 0.00123, "shop")


async def test_a_request_is_one_line_of_method_path_status_time_and_worker() -> None:
    stream = io.StringIO()

    RequestLog(stream)(record())
    await asyncio.sleep(0)

    assert stream.getvalue() == "GET /x 200 1.2 ms shop\n"


async def test_lines_of_one_turn_of_the_loop_leave_together_and_in_order() -> None:
    stream = io.StringIO()
    log = RequestLog(stream)

    log(record("/1"))
    log(record("/2"))
    before = stream.getvalue()
    await asyncio.sleep(0)
    log(record("/3"))
    log.flush()
    await asyncio.sleep(0)

    assert before == ""
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["/1", "/2", "/3"]


@pytest.mark.parametrize(
    ("status", "colour"), [(200, "32"), (302, "36"), (404, "33"), (500, "31"), (101, "0")]
)
async def test_a_terminal_shows_the_status_in_a_colour(status: int, colour: str) -> None:
    stream = Terminal()
    log = RequestLog(stream)

    log(record(status=status))
    log.flush()

    assert f" \x1b[{colour}m{status}\x1b[0m " in stream.getvalue()


async def test_a_path_cannot_drive_the_terminal() -> None:
    stream = io.StringIO()
    log = RequestLog(stream)

    log(record("/\x1b[2J"))
    log.flush()

    assert "\x1b" not in stream.getvalue()
    assert printable("/plain") == "/plain"


async def test_a_reader_that_has_gone_stops_nothing() -> None:
    log = RequestLog(Closed())

    log(record())
    await asyncio.sleep(0)
    log(record())

    log.flush()


def test_warnings_and_errors_are_marked_and_lesser_lines_are_not(restored_logging) -> None:
    stream = io.StringIO()
    open_logging("info", stream)
    logger = logging.getLogger("mine")

    logger.debug("too small")
    logger.info("loaded")
    logger.warning("odd")
    logger.error("wrong")

    assert stream.getvalue() == "loaded\nwarning: odd\nerror: wrong\n"


def test_a_terminal_shows_the_mark_in_a_colour(restored_logging) -> None:
    stream = Terminal()
    open_logging("warning", stream)

    logging.getLogger("mine").info("too small")
    logging.getLogger("mine").error("wrong")

    assert stream.getvalue() == "\x1b[31merror\x1b[0m: wrong\n"


def test_what_libraries_say_below_a_warning_is_left_out(restored_logging) -> None:
    stream = io.StringIO()
    open_logging("debug", stream)

    logging.getLogger("watchfiles.main").debug("3 changes detected")
    logging.getLogger("watchfiles.main").warning("cannot watch")

    assert stream.getvalue() == "warning: cannot watch\n"


def test_workers_are_listed_with_their_urls_in_a_column() -> None:
    assert worker_table([("a", "http://a/"), ("long", "http://l/")]) == (
        "  a     http://a/\n  long  http://l/"
    )
    assert worker_table([]) == ""
