"""`runtime kv` as a process of its own: beside a server, after its death, and in a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 40
RUNTIME = Path(sys.executable).with_name("runtime")
AT = ("--binding", "NOTES")
WORKER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        notes, key = self.env.NOTES, request.url.rpartition("/")[2]
        if request.method == "PUT":
            await notes.put(key, await request.bytes())
            return Response("stored")
        return Response(await notes.get(key, "stream") or "none")
"""
CONFIG = '[[kv_namespaces]]\nbinding = "NOTES"\nid = "aaa"\npreview_id = "ppp"\n'


@pytest.fixture
def folder(make_worker: Callable[..., Path]) -> Path:
    """A worker that keeps notes."""
    return make_worker("notes", WORKER, config=CONFIG)


@pytest.fixture
def kv(folder: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run `runtime kv …` in the worker's folder."""

    def run(*arguments: str | Path, stdin: bytes = b"", code: int = 0, **env: str) -> Any:
        ended = subprocess.run(
            [RUNTIME, "kv", *arguments],
            cwd=folder,
            env=os.environ | env,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        assert ended.returncode == code, ended.stderr.decode()
        assert b"Traceback" not in ended.stderr
        return ended

    return run


def test_commands_and_a_running_server_see_the_same_data(serve, kv, folder: Path) -> None:
    server = serve(folder)
    server.client.put("/web", content=b"from the web")

    kv("key", "put", "cli", "from the command line", *AT)

    assert kv("key", "get", "web", *AT).stdout == b"from the web"
    assert server.get("/cli").text == "from the command line"
    kv("key", "put", "cli", "again", *AT)
    assert server.get("/cli").text == "again"
    kv("bulk", "delete", "-", *AT, stdin=b'["cli"]')
    assert server.get("/cli").text == "none"
    assert [one["name"] for one in json.loads(kv("key", "list", *AT).stdout)] == ["web"]


def test_a_large_value_goes_through_a_running_server(serve, kv, folder: Path) -> None:
    server = serve(folder)
    value = os.urandom(1024) * 25 * 1024
    (folder / "large").write_bytes(value)

    kv("key", "put", "large", "--path", "large", *AT)
    refused = kv("key", "put", "larger", "--path", "-", *AT, stdin=value + b"x", code=1)

    assert kv("key", "get", "large", *AT).stdout == value
    assert server.get("/large").content == value
    assert b"413 Value length of 26214401" in refused.stderr


def test_a_check_is_refused_while_a_server_runs_naming_it(serve, kv, folder: Path) -> None:
    server = serve(folder)

    for options in ([], ["--repair"]):
        told = kv("check", *options, code=1).stderr.decode()
        assert f"is in use by process {server.process.pid} (" in told


def test_a_killed_server_leaves_a_store_that_commands_open(serve, kv, folder: Path) -> None:
    server = serve(folder)
    server.client.put("/key", content=b"kept")
    server.process.kill()
    server.process.wait()
    assert (folder / ".edgestead" / "kv_namespace" / "owner.sock").exists()

    assert kv("key", "get", "key", *AT).stdout == b"kept"
    kv("key", "put", "more", "1", *AT)
    assert serve(folder).get("/more").text == "1"


def test_what_a_power_cut_may_have_taken_is_a_warning(kv, folder: Path) -> None:
    kv("key", "put", "first", "1", *AT)
    kv("key", "put", "last", "1", *AT)
    log = max((folder / ".edgestead" / "kv_namespace" / "leveldb").glob("*.log"))
    data = bytearray(log.read_bytes())
    data[-3] ^= 0xFF
    log.write_bytes(data)

    listed = kv("key", "list", *AT)

    assert listed.stderr.startswith(b"warning: the KV store ")
    assert f"`runtime kv check {folder}/.edgestead/kv_namespace` reads".encode() in listed.stderr
    assert json.loads(listed.stdout) == [{"name": "first"}]
    assert kv("key", "list", *AT).stderr == b""


def test_a_server_keeps_data_in_memory_that_commands_see(serve, kv, folder: Path) -> None:
    memory = {"EDGESTEAD_KV_NAMESPACE_ENGINE": "memory"}
    server = serve(folder, **memory)
    server.client.put("/key", content=b"here")

    # Whatever the command itself would choose.
    assert kv("key", "get", "key", *AT).stdout == b"here"

    assert server.interrupt() == 0
    told = kv("key", "get", "key", *AT, code=1, **memory).stderr
    assert b"only while `runtime serve` runs" in told


def test_a_server_serves_where_no_socket_can_be_made(serve, kv, folder: Path) -> None:
    (folder / ".edgestead" / "kv_namespace" / "owner.sock").mkdir(parents=True)

    server = serve(folder)
    server.client.put("/key", content=b"served")

    assert server.get("/key").text == "served"
    assert "warning: the KV store cannot be shared at " in server.output
    told = kv("key", "get", "key", *AT, code=1).stderr.decode()
    assert f"is in use by process {server.process.pid} (" in told


def test_a_folder_with_a_long_name_is_no_trouble(serve, make_worker) -> None:
    folder = make_worker(f"deep/{'long-' * 20}/{'name-' * 20}/notes", WORKER, config=CONFIG)
    server = serve(folder)

    subprocess.run([RUNTIME, "kv", "key", "put", "key", "value", *AT, "-c", folder], check=True)

    assert "warning" not in server.output
    assert server.get("/key").text == "value"


def test_commands_side_by_side_all_get_their_turn(kv) -> None:
    threads = [
        threading.Thread(target=kv, args=("key", "put", f"key {number}", "1", *AT))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(json.loads(kv("key", "list", *AT).stdout)) == 4


def test_an_export_is_of_one_moment_while_a_server_writes(serve, kv, folder: Path) -> None:
    server = serve(folder)
    lines = "".join(f'{{"key": "{n:05}", "value": "before"}}\n' for n in range(5000))
    kv("import", "-", *AT, stdin=lines.encode())
    with subprocess.Popen(
        [RUNTIME, "kv", "export", *AT],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        first = export.stdout.readline()
        server.client.put("/04999", content=b"after")
        server.client.put("/99999", content=b"after")
        rest = export.stdout.read()
        errors = export.stderr.read()

    assert errors.startswith(b"Exported 5000 keys")
    assert export.returncode == 0
    assert (first + rest).decode() == lines
    assert server.get("/04999").text == "after"


def test_a_reader_that_goes_away_is_no_error(kv, folder: Path) -> None:
    lines = "".join(f'{{"key": "{n:05}", "value": "{"v" * 50}"}}\n' for n in range(5000))
    kv("import", "-", *AT, stdin=lines.encode())

    for arguments in (["key", "list"], ["export"], ["key", "get", "00001"]):
        with subprocess.Popen(
            [RUNTIME, "kv", *arguments, *AT],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b"", arguments


def read_terminal(controller: int) -> bytes:
    try:
        return os.read(controller, 4096)
    except OSError:
        # Nobody has the terminal open any more.
        return b""


def in_terminal(folder: Path, *arguments: str, typed: bytes, until: bytes) -> tuple[int, bytes]:
    """Run a command with a terminal for its input and errors; type when it has said something."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [RUNTIME, "kv", *arguments],
        cwd=folder,
        env=os.environ | {"TERM": "xterm"},
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        said = b""
        has_typed = False
        while chunk := read_terminal(controller):
            said += chunk
            if until in said and not has_typed:
                has_typed = True
                if typed == b"\x03":
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(controller, typed)
        output, _ = process.communicate(timeout=PATIENCE_S)
        code = process.returncode
    os.close(controller)
    return code, said + output


def test_a_terminal_is_asked_and_shows_progress(kv, folder: Path) -> None:
    pairs = [{"key": f"{n:05}", "value": "v"} for n in range(2000)]
    (folder / "pairs.json").write_text(json.dumps(pairs))
    (folder / "keys.json").write_text(json.dumps([pair["key"] for pair in pairs[1:]]))
    kv("bulk", "put", "pairs.json", *AT)

    code, said = in_terminal(
        folder, "bulk", "delete", "keys.json", *AT, typed=b"y\n", until=b"(Y/n)"
    )

    assert code == 0
    assert b"Are you sure you want to delete all the keys read from keys.json" in said
    assert b"1999/1999" in said
    assert json.loads(kv("key", "list", *AT).stdout) == [{"name": "00000"}]


def test_ctrl_c_at_a_question_changes_nothing(kv, folder: Path) -> None:
    kv("key", "put", "a", "1", *AT)
    (folder / "keys.json").write_text('["a"]')

    code, said = in_terminal(
        folder, "bulk", "delete", "keys.json", *AT, typed=b"\x03", until=b"(Y/n)"
    )

    assert code == 130
    assert b"Traceback" not in said
    assert kv("key", "get", "a", *AT).stdout == b"1"
