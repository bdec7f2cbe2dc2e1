"""`runtime migrate customers` as processes: beside a server, interrupted, and with very many.

`EDGESTEAD_TEST_LONG=1` moves a hundred thousand customers in the place of five thousand.
"""

import hashlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytestmark = pytest.mark.timeout(300)

PATIENCE_S = 200
ROOT = Path(__file__).parents[2]
RUNTIME = Path(sys.executable).with_name("runtime")
IS_LONG = bool(os.environ.get("EDGESTEAD_TEST_LONG"))
MANY = 100_000 if IS_LONG else 5_000
# What more than a handful may take; most of it are LevelDB's own buffers.
MAX_GROWTH_MIB = 64
SOURCE, TARGET = "OTP_AUTH_KV", "CUSTOMER_KV"
BOTH = ("--from", SOURCE, "--to", TARGET)


class Ended(NamedTuple):
    """How a command ended, what it printed, and how much memory it took."""

    code: int
    output: str
    errors: str
    peak_mib: float


def own_mib(pid: int) -> float:
    """Return the memory that is a process's own; the system takes back what it maps of files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    # It has ended.
    return 0.0


def index_of(email: str) -> str:
    return f"email_to_customer_{hashlib.sha256(email.encode()).hexdigest()}"


def customer_lines(count: int) -> Iterator[str]:
    """Yield what `runtime kv import` reads: customers with their index, about 1 KiB each."""
    for number in range(count):
        id_, email = f"cust_{number:012x}", f"user{number}@example.com"
        record = {"customerId": id_, "email": email, "status": "active", "note": "n" * 800}
        yield json.dumps({"key": f"customer_{id_}", "value": json.dumps(record)}) + "\n"
        yield json.dumps({"key": index_of(email), "value": id_}) + "\n"
    yield json.dumps({"key": "customer_cust_000000000000_apikeys", "value": "[]"}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The two services beside what they share."""
    for name in ("customer_api", "identity", "kit", "otp_auth_service"):
        made = tmp_path / "workers" / name
        ignored = shutil.ignore_patterns("__pycache__", ".edgestead", ".dev.vars")
        shutil.copytree(ROOT / "workers" / name, made, ignore=ignored)
        if (made / ".dev.vars.example").exists():
            shutil.copy(made / ".dev.vars.example", made / ".dev.vars")
    return tmp_path


class Host:
    """Local state, and short words for commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._options = ("-e", "development", "-c", "workers", "--persist-to", "state")

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen([RUNTIME, *arguments, *self._options], cwd=self.folder, **options)

    def run(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """Run a command to its end."""
        out, err = self.folder / "out", self.folder / "err"
        with out.open("wb") as output, err.open("wb") as errors:
            process = self.start(*arguments, stdin=subprocess.PIPE, stdout=output, stderr=errors)
            assert process.stdin is not None
            process.stdin.write(stdin)
            process.stdin.close()
            peak_mib = 0.0
            while process.poll() is None:
                peak_mib = max(peak_mib, own_mib(process.pid))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)
        text = err.read_text()
        assert "Traceback" not in text
        return Ended(process.returncode, out.read_text(), text, peak_mib)

    def fill(self, count: int) -> None:
        """Put customers into the source."""
        lines = "".join(customer_lines(count)).encode()
        assert self.run("kv", "import", "-", "--binding", SOURCE, stdin=lines).code == 0

    def migrate(self, *options: str) -> Ended:
        return self.run("migrate", "customers", *BOTH, *options)

    def exported(self, binding: str) -> str:
        """Return all that a namespace holds."""
        ended = self.run("kv", "export", "--binding", binding)
        assert ended.code == 0
        return ended.output

    def stop_in(self, step: str, number: signal.Signals, *options: str) -> tuple[int, bytes]:
        """Begin in a terminal, and send a signal when a step has done something."""
        controller, terminal = pty.openpty()
        with self.start(
            *("migrate", "customers", *BOTH, *options),
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        ) as process:
            os.close(terminal)
            said, has_stopped = b"", False
            while chunk := read_terminal(controller):
                said += chunk
                plain = re.sub(rb"\x1b\[[\d;?]*[a-zA-Z]", b"", said)
                if not has_stopped and re.search(rb"%s[^\r\n]* [1-9]\d*/" % step.encode(), plain):
                    process.send_signal(number)
                    has_stopped = True
            code = process.wait(PATIENCE_S)
        os.close(controller)
        assert has_stopped, said
        return code, said


def read_terminal(controller: int) -> bytes:
    try:
        return os.read(controller, 4096)
    except OSError:
        # Nobody has the terminal open any more.
        return b""


@pytest.fixture
def host(folder: Path) -> Host:
    return Host(folder)


def moved(exported: str) -> set[str]:
    """Return the keys in an export."""
    return {json.loads(line)["key"] for line in exported.splitlines()}


def test_very_many_are_moved_in_bounded_memory_and_a_second_run_writes_nothing(host: Host) -> None:
    host.fill(10)
    few = host.migrate()
    host.fill(MANY)

    many = host.migrate("--report", "report.json")
    before = host.exported(TARGET)
    again = host.migrate()

    assert few.output.startswith("customers: 10 migrated, 0 already there")
    assert many.output.startswith(f"customers: {MANY - 10} migrated, 10 already there")
    assert (few.code, many.code, again.code) == (0, 0, 0)
    assert json.loads((host.folder / "report.json").read_text()) == {
        "migrated": MANY - 10,
        "skipped": 10,
        "conflicts": [],
        "errors": [],
    }
    assert len(before.splitlines()) == 2 * MANY
    assert again.output.startswith(f"customers: 0 migrated, {MANY} already there")
    assert host.exported(TARGET) == before
    assert few.peak_mib > 10
    assert max(many.peak_mib, again.peak_mib) - few.peak_mib < MAX_GROWTH_MIB


@pytest.mark.parametrize(
    ("number", "served"),
    [(signal.SIGINT, False), (signal.SIGKILL, False), (signal.SIGKILL, True)],
)
def test_a_run_that_is_stopped_is_gone_on_with(
    host: Host, serve: Callable, number: signal.Signals, served: bool
) -> None:
    host.fill(5_000)
    if served:
        server = serve("workers", "-e", "development", "--persist-to", "state")
        # The store is open from its first use on.
        assert server.get("/health/ready").status_code == 200

    code, said = host.stop_in("Copying", number)
    partly = moved(host.exported(TARGET))
    ended = host.migrate()

    if number == signal.SIGINT:
        assert code == 130
        assert b"Stopped; the same command goes on with the rest." in said
    assert b"Traceback" not in said
    assert 0 < len(partly) < 10_000
    records = len([key for key in partly if key.startswith("customer_")])
    skipped = len(partly) - records
    # An index is written after its record.
    assert records >= skipped
    assert ended.code == 0
    assert ended.output.startswith(
        f"customers: {5_000 - skipped} migrated, {skipped} already there, 0 conflicts, 0 errors\n"
    )
    assert len(moved(host.exported(TARGET))) == 10_000


def test_a_deletion_that_is_killed_is_gone_on_with(host: Host) -> None:
    host.fill(5_000)
    host.migrate()

    host.stop_in("Deleting", signal.SIGKILL, "--delete-source", "--yes")
    partly = moved(host.exported(SOURCE))
    ended = host.migrate("--delete-source")

    assert 1 < len(partly) < 10_001
    assert ended.code == 0
    assert ended.output.splitlines()[0].endswith(", 0 conflicts, 0 errors")
    assert moved(host.exported(SOURCE)) == {"customer_cust_000000000000_apikeys"}
    assert len(moved(host.exported(TARGET))) == 10_000


def test_a_running_service_has_the_customers_at_once(host: Host, serve: Callable) -> None:
    host.fill(20)
    server = serve("workers/customer_api", "-e", "development", "--persist-to", "state")
    secrets = (host.folder / "workers" / "customer_api" / ".dev.vars").read_text()
    found = re.search(r'SERVICE_API_KEY="(.*)"', secrets)
    assert found is not None
    as_service = {"X-Service-Key": found[1]}
    path = "/customer/by-email/user7@example.com"

    before = server.client.get(path, headers=as_service)
    ended = host.migrate()
    after = server.client.get(path, headers=as_service)

    assert (before.status_code, before.json()["code"]) == (404, "customer_not_found")
    assert (ended.code, ended.errors) == (0, "")
    assert (after.status_code, after.json()["customerId"]) == (200, "cust_000000000007")
