"""Workers in this process: folders, read as any other, loaded into a node without a network."""

import io
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from runtime._cli.app import run
from runtime._dispatch.node import Node, NodeOptions
from runtime._registry import Registry
from runtime.errors import WorkerLoadError
from workers import Request, Response
from wrangler_compat import WorkerConfig, load_config


class FakeOutbound:
    """The network: keeps what is sent, answers as a test says, and else is not to be reached."""

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.answers: dict[str, Callable[[Request], Response]] = {}

    async def send(self, request: Request) -> Response:
        self.sent.append(request)
        for prefix, answer in self.answers.items():
            if request.url.startswith(prefix):
                return answer(request)
        raise OSError(f"no response from {request.url}")


class Workers:
    """A node, and short words for what tests do with it."""

    def __init__(self, node: Node, read: Callable[..., WorkerConfig]) -> None:
        self.node = node
        self._read = read

    async def load(self, name: str, source: str, **options: str) -> None:
        """Load a worker that must come up."""
        error = await self.load_error(name, source, **options)
        assert error is None, f"{error}\n{error.details}"

    async def load_error(self, name: str, source: str, **options: str) -> WorkerLoadError | None:
        """Load a worker and return why it did not come up."""
        return (await self.node.load(self._read(name, source, **options))).error

    async def fetch(self, name: str, url: str = "http://test/", **options: Any) -> Response:
        """Send a worker a request, as the server does."""
        response = await self.node.find(name).invoke("fetch", (Request(url, **options),), {})
        assert isinstance(response, Response)
        return response

    async def text(self, name: str, url: str = "http://test/", **options: Any) -> str:
        """Send a worker a request and return the text of its answer."""
        return await (await self.fetch(name, url, **options)).text()

    async def call(self, name: str, handler: str, *args: object, **options: Any) -> Any:
        """Run an event handler or an RPC method, as a plugin does."""
        return await self.node.invoke(name, handler, *args, **options)


@pytest.fixture
def read_worker(make_worker: Callable[..., Path]) -> Callable[..., WorkerConfig]:
    """Make a worker folder and read its config."""

    def read(
        name: str, source: str, *, plugin_keys: dict[str, str] | None = None, **options: str
    ) -> WorkerConfig:
        files = {key: textwrap.dedent(value) for key, value in options.items()}
        folder = make_worker(name, textwrap.dedent(source), **files)
        config, _ = load_config(folder, environ={}, plugin_keys=plugin_keys)
        return config

    return read


@pytest.fixture
def outbound() -> FakeOutbound:
    """The network that nodes of the test send to."""
    return FakeOutbound()


@pytest.fixture
async def open_workers(
    read_worker: Callable[..., WorkerConfig], outbound: FakeOutbound, tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[Workers]]]:
    """Open nodes, with options of theirs; they are closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_(registry: Registry | None = None, **options: Any) -> Workers:
            node = Node(
                registry=registry or Registry.discover(),
                options=NodeOptions(
                    mode="test", data_dir=tmp_path / "state", environ={}, **options
                ),
                outbound=outbound,
            )
            return Workers(await stack.enter_async_context(node), read_worker)

        yield open_


@pytest.fixture
async def workers(open_workers: Callable[..., Awaitable[Workers]]) -> Workers:
    """A node with the kinds that are installed, and no worker yet."""
    return await open_workers()


class Terminal(io.StringIO):
    """Somebody who answers, or reads."""

    def isatty(self) -> bool:
        return True


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    output: bytes
    errors: str


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> Callable[..., Ended]:
    """Run a command in this process: `command("kv", "key", "list", …, stdin=b"")`.

    With `answers`, standard input and standard error are a terminal, at which they are typed.
    """
    monkeypatch.chdir(tmp_path)

    def run_command(
        *arguments: str | Path, stdin: bytes = b"", answers: str | None = None
    ) -> Ended:
        terminal = Terminal()
        code: object = 0
        capfdbinary.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["runtime", *map(str, arguments)])
            if answers is None:
                patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            else:
                patch.setattr(sys, "stdin", Terminal(answers))
                patch.setattr(sys, "stderr", terminal)
            try:
                run()
            except SystemExit as ending:
                code = ending.code
        output, errors = capfdbinary.readouterr()
        assert isinstance(code, int)
        return Ended(code, output, errors.decode() + terminal.getvalue())

    return run_command


@pytest.fixture
def broken_plugin(tmp_path: Path) -> str:
    """A folder for PYTHONPATH with a distribution whose binding plugin cannot be imported."""
    info = tmp_path / "site" / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[edgestead.bindings]\nbroken = nothing:Plugin\n")
    return str(tmp_path / "site")
