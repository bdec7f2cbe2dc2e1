"""The ports of `runtime serve`."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime._dev.ports import open_ports, worker_urls
from runtime.errors import PortInUseError
from wrangler_compat import DevSettings, WorkerConfig


def config(name: str, port: int | None = None) -> WorkerConfig:
    path = Path(f"/workers/{name}/wrangler.toml")
    return WorkerConfig(
        config_path=path,
        folder=path.parent,
        name=name,
        top_level_name=name,
        main=path,
        dev=DevSettings(port=port),
    )


@pytest.fixture
def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def test_there_is_one_port_for_all_and_one_for_each_worker_that_asks(free_port: int) -> None:
    configs = [config("a"), config("b", free_port)]

    with open_ports("127.0.0.1", 0, configs) as ports:
        bound = {key: sockets[0].getsockname()[1] for key, sockets in ports.items()}
        urls = worker_urls("http", "127.0.0.1", [*configs, config("c")], ports)

    port = bound[None]
    assert bound == {None: port, configs[1].config_path: free_port}
    assert urls == [
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{free_port}/",
        f"http://c.localhost:{port}/",
    ]
    assert all(listener.fileno() == -1 for sockets in ports.values() for listener in sockets)


def test_the_first_worker_may_ask_for_the_port_of_all(
    free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ports("localhost", free_port, [config("a", free_port)]) as ports:
        assert list(ports) == [None]
        assert worker_urls("https", "localhost", [config("a")], ports) == [
            f"https://localhost:{free_port}/"
        ]
    assert caplog.records == []


def test_another_worker_that_asks_for_the_port_of_all_is_told_how_it_answers_there(
    free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with open_ports("127.0.0.1", free_port, [config("a"), config("b", free_port)]) as ports:
        assert list(ports) == [None]

    assert f'worker "b": its dev.port {free_port} is the port of all workers' in caplog.text


def test_a_taken_port_says_which_setting_to_change(taken_port: int, free_port: int) -> None:
    with pytest.raises(PortInUseError, match="choose another with --port") as caught:
        with open_ports("127.0.0.1", taken_port, [config("a")]):
            raise AssertionError("unreachable")
    assert caught.value.pid == os.getpid()

    with pytest.raises(PortInUseError, match=r"change dev.port in /workers/b/wrangler.toml"):
        with open_ports("127.0.0.1", free_port, [config("a"), config("b", taken_port)]):
            raise AssertionError("unreachable")
    with socket.create_server(("127.0.0.1", free_port)) as again:
        assert again.getsockname()[1] == free_port
