"""`runtime serve` from its start to its end, and what is in its way."""

import os
import signal
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(120)

HELLO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("hi")
"""
# Answers at once, and ends its answer when the request's body ends.
ECHO = HELLO.replace('"hi"', "request.body")
KV = '[[kv_namespaces]]\nbinding = "KV"\nid = "abc"\n'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_when_it_is_told_to(serve, make_worker, number) -> None:
    server = serve(make_worker("hello", HELLO))
    assert server.get("/").text == "hi"

    assert server.interrupt(number) == 0
    assert "Traceback" not in server.output


def test_requests_in_flight_finish_first(serve, make_worker) -> None:
    server = serve(make_worker("echo", ECHO))

    with server.connect() as connection:
        stream = connection.makefile("rb")
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        begun = [stream.readline() for _ in range(7)]
        server.process.send_signal(signal.SIGINT)
        server.wait_for("Stopping")
        connection.sendall(b"3\r\ndef\r\n0\r\n\r\n")
        rest = stream.read()

    assert begun[0] == b"HTTP/1.1 200 OK\r\n"
    assert begun[-1] == b"abc\r\n"
    assert rest == b"3\r\ndef\r\n0\r\n\r\n"
    assert server.process.wait(30) == 0


def test_a_second_ctrl_c_ends_requests_in_flight(serve, make_worker) -> None:
    server = serve(make_worker("echo", ECHO))

    with server.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
        assert connection.recv(12) == b"HTTP/1.1 200"
        server.process.send_signal(signal.SIGINT)
        server.wait_for("Stopping")

        assert server.interrupt() == 128 + signal.SIGINT


def test_ctrl_c_twice_ends_even_a_worker_that_computes_for_ever(serve, make_worker) -> None:
    computing = HELLO.replace(
        'return Response("hi")', 'print("computing")\n        while True: pass'
    )
    server = serve(make_worker("spinner", computing), PYTHONUNBUFFERED="1")

    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for("computing")
        server.process.send_signal(signal.SIGINT)

        assert server.interrupt(signal.SIGTERM) in (128 + signal.SIGINT, 128 + signal.SIGTERM)


def test_a_request_that_takes_too_long_is_cut_at_the_end(serve, make_worker) -> None:
    server = serve(make_worker("echo", ECHO), EDGESTEAD_SHUTDOWN_GRACE_S="0.1")

    with server.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
        assert connection.recv(12) == b"HTTP/1.1 200"

        assert server.interrupt() == 0


def test_after_a_kill_the_next_one_starts_on_the_same_state(serve, make_worker) -> None:
    source = HELLO.replace(
        'return Response("hi")',
        'before = await self.env.KV.get("k"); await self.env.KV.put("k", "kept"); '
        "return Response(str(before))",
    )
    folder = make_worker("keeper", source, config=KV)
    server = serve(folder)
    assert server.get("/").text == "None"

    server.process.kill()
    server.process.wait()

    assert serve(folder).get("/").text == "kept"


def test_no_process_outlives_its_parent(make_worker, tmp_path) -> None:
    folder = make_worker("hello", HELLO)
    parent = "import subprocess, sys\nchild = subprocess.Popen(sys.argv[1:])\nchild.wait()\n"
    command = [os.path.join(os.path.dirname(sys.executable), "runtime"), "serve", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-c", parent, *command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Ready on "):
            assert process.poll() is None
        process.kill()
        # The pipe is open as long as anybody holds it.
        rest = process.stdout.read()

    assert "Stopping" in rest


def test_a_taken_port_names_who_holds_it(refused, make_worker) -> None:
    folder = make_worker("hello", HELLO)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        code, output = refused("serve", folder, "--port", str(port))

    assert code == 1
    assert f"port {port}" in output
    assert f"pid {os.getpid()}" in output
    assert "--port" in output
    assert "Traceback" not in output


def test_a_store_that_another_process_holds_names_it(serve, refused, make_worker) -> None:
    folder = make_worker("hello", HELLO, config=KV)
    server = serve(folder)

    code, output = refused("serve", folder, "--port", "0")

    assert code == 1
    assert str(server.process.pid) in output
    assert "--persist-to" in output
    assert "Traceback" not in output


def test_a_plugin_that_does_not_import_is_a_warning_and_not_the_end(
    serve, make_worker, tmp_path
) -> None:
    info = tmp_path / "site" / "broken_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[edgestead.bindings]\nbroken = no_such_module:Plugin\n")

    server = serve(make_worker("hello", HELLO), PYTHONPATH=str(tmp_path / "site"))

    assert server.get("/").text == "hi"
    assert "warning: " in server.output
    assert "no_such_module" in server.output
