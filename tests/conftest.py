"""Fixtures that more than one kind of test uses: worker folders, and the real server."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import httpx
import pytest

# How long anything may take that only a fault would hold up; machines may be slow and busy.
PATIENCE_S = 40


class Server:
    """A running `runtime serve`: its output line by line, and a client for it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = ""
        self.port = 0
        self.client = httpx.Client()
        self._lines: list[str] = []
        self._arrived: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """Everything that was printed so far."""
        return "".join(self._lines)

    def wait_until_ready(self) -> None:
        """Wait for the URL, and make the client for it."""
        self.url = self.wait_for("Ready on ").removeprefix("Ready on ").strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])
        self.client.close()
        # What a person would be told of a self-signed certificate is not under test here.
        self.client = httpx.Client(
            base_url=self.url, timeout=PATIENCE_S, verify=False, trust_env=False
        )

    def wait_for(self, text: str) -> str:
        """Return the next line of output that holds `text`; fail with all output when none does."""
        while True:
            try:
                line = self._arrived.get(timeout=PATIENCE_S)
            except Empty:
                line = None
            if line is None:
                pytest.fail(f"no line with {text!r} in:\n{self.output}")
            if text in line:
                return line

    def get(self, path: str, *, host: str | None = None) -> httpx.Response:
        """GET a path, at another host name of the same server when `host` is given."""
        return self.client.get(path, headers={} if host is None else {"Host": host})

    def connect(self) -> socket.socket:
        """Open a connection of its own, for what an HTTP client would not send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, or send another signal that ends the process; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Stop the process however it is."""
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
            self._arrived.put(line)
        self._arrived.put(None)


def start_command(*arguments: str | Path, cwd: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start the installed `runtime` command."""
    return subprocess.Popen(
        [Path(sys.executable).with_name("runtime"), *arguments],
        cwd=cwd,
        env={name: value for name, value in (os.environ | env).items() if value},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers: `serve(path, "--option", …, VARIABLE="…")`.

    Each takes a free port and is stopped at the end.
    """
    servers: list[Server] = []

    def start(*arguments: str | Path, cwd: Path = tmp_path, **env: str) -> Server:
        server = Server(start_command("serve", "--port", "0", *arguments, cwd=cwd, env=env))
        servers.append(server)
        server.wait_until_ready()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a command that ends by itself; return its exit code and all that it printed."""

    def run(*arguments: str | Path, cwd: Path = tmp_path, **env: str) -> tuple[int, str]:
        with start_command(*arguments, cwd=cwd, env=env) as process:
            try:
                output, _ = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail(f"`runtime {' '.join(map(str, arguments))}` does not end")
        return process.returncode, output

    return run


@pytest.fixture
def make_worker(tmp_path: Path) -> Callable[..., Path]:
    """Make a worker folder: `make_worker("name", source, config="…", module="source", …)`."""

    def make(name: str, source: str, *, config: str = "", **modules: str) -> Path:
        folder = tmp_path / name
        sources = folder / "src"
        sources.mkdir(parents=True, exist_ok=True)
        (folder / "wrangler.toml").write_text(
            f'name = "{folder.name}"\n'
            'main = "src/entry.py"\n'
            'compatibility_date = "2026-01-01"\n'
            'compatibility_flags = ["python_workers"]\n'
            f"{config}"
        )
        for module, text in {"entry": source, **modules}.items():
            (sources / f"{module}.py").write_text(text)
        return folder

    return make
