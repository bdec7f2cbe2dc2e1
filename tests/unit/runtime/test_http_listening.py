"""Listening sockets, and who holds a port."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from runtime._http.listening import bind_sockets, holder_of_port, shown_host
from runtime.errors import HostError, PortInUseError


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def test_localhost_is_both_loopback_addresses_on_one_port() -> None:
    first, *others = bind_sockets("localhost", 0, remedy="")

    with closing(first):
        port = first.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
        for other in others:
            assert other.getsockname()[:2] == ("::1", port)
            other.close()


def test_an_address_is_bound_as_it_is() -> None:
    (only,) = bind_sockets("127.0.0.1", 0, remedy="")

    with closing(only):
        assert only.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_taken_port_names_its_holder_and_the_remedy(taken_port: int, host: str) -> None:
    with pytest.raises(PortInUseError) as caught:
        bind_sockets(host, taken_port, remedy="go elsewhere")

    error = caught.value
    assert (error.port, error.pid) == (taken_port, os.getpid())
    assert f"port {taken_port} on 127.0.0.1 is taken by" in str(error)
    assert f"(pid {os.getpid()}); stop it, or go elsewhere" in str(error)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_a_port_that_is_taken_at_the_other_loopback_address_is_taken() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as holder:
        port = holder.getsockname()[1]

        with pytest.raises(PortInUseError) as caught:
            bind_sockets("localhost", port, remedy="")

        assert "on ::1" in str(caught.value)
        with closing(socket.create_server(("127.0.0.1", port))) as free:
            assert free.getsockname()[1] == port


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(HostError, match="cannot listen on 192.0.2.1 port 0: "):
        bind_sockets("192.0.2.1", 0, remedy="")


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(HostError, match="cannot listen on no_such_host"):
        bind_sockets("no_such_host", 0, remedy="")


def test_a_free_port_has_no_holder(taken_port: int) -> None:
    assert holder_of_port(0) is None
    holder = holder_of_port(taken_port)
    assert holder is not None
    assert holder[0] == os.getpid()


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "localhost"),
        ("::", "localhost"),
        ("::1", "[::1]"),
        ("mybox.example", "mybox.example"),
    ],
)
def test_a_host_is_shown_as_it_can_be_opened(host: str, shown: str) -> None:
    assert shown_host(host) == shown
