"""Listening sockets, and who holds a port that is taken."""

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runtime.errors import HostError, PortInUseError

__all__ = ["bind_sockets", "holder_of_port", "shown_host"]

_LISTEN_STATE = "0A"
# How often a free port is looked for that is free at both loopback addresses.
_ATTEMPTS = 10


def bind_sockets(host: str, port: int, *, remedy: str) -> list[socket.socket]:
    """Bind listening sockets; `localhost` means both loopback addresses, port 0 a free one.

    Raises PortInUseError naming the holder where the port is taken (`remedy` is what else to do
    than to stop it), HostError where the address is not one of this machine.
    """
    if host != "localhost":
        return [_bind(host, port, remedy)]
    for attempts_left in reversed(range(_ATTEMPTS)):
        first = _bind("127.0.0.1", port, remedy)
        try:
            return [first, _bind("::1", first.getsockname()[1], remedy)]
        except PortInUseError:
            first.close()
            # A port that is free at one address may be taken at the other.
            if port or not attempts_left:
                raise
        except HostError:
            # A machine without IPv6: one address is all of localhost.
            return [first]
    raise AssertionError("unreachable: the last attempt returns or raises")


def holder_of_port(port: int) -> tuple[int, str] | None:
    """Return process id and command of the process that listens on a TCP port (Linux), if seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and not sockets.isdisjoint(_open_files(process)):
            with suppress(OSError):
                return int(process.name), (process / "comm").read_text().strip()
    return None


def _open_files(process: Path) -> Iterator[str]:
    # Another user's process, one that has just ended, a file that has just been closed.
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink())


def _bind(host: str, port: int, remedy: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            pid, command = holder_of_port(port) or (None, "")
            raise PortInUseError(host, port, pid=pid, command=command, remedy=remedy) from None
        if error.errno == errno.EACCES:
            raise HostError(
                f"port {port} needs privileges that this user does not have; choose one over 1023"
            ) from None
        raise HostError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    listener.setblocking(False)
    return listener


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN_STATE and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def shown_host(host: str) -> str:
    """Return `host` as it stands in a URL."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "localhost"
    return f"[{host}]" if address.version == 6 else host
