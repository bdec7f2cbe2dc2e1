"""`runtime serve` as a real process: which worker answers, and what a worker sees and may do."""

import shutil
import socket
import subprocess

import pytest

pytestmark = pytest.mark.timeout(120)

HELLO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{}")
"""

ECHO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response.json({
            "method": request.method, "url": request.url, "headers": dict(request.headers.items()),
            "cf": request.cf.country, "body": await request.text(),
        })
"""

SAYING_VARS = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"{self.env.WHERE} {self.env.EXTRA}")
"""


# Finding workers and routing to them


def test_one_port_serves_several_workers_by_host(serve, make_worker, tmp_path) -> None:
    make_worker("alpha", HELLO.format("a"), config='route = "api.example.com/a/*"\n')
    make_worker("beta", HELLO.format("b"), config='routes = ["api.example.com/*"]\n')

    server = serve(tmp_path)

    assert server.get("/").text == "a"
    assert server.get("/", host="alpha.localhost").text == "a"
    assert server.get("/", host="beta.localhost:8787").text == "b"
    assert server.get("/a/x", host="api.example.com").text == "a"
    assert server.get("/x", host="API.example.com").text == "b"
    assert server.get("/x", host="unknown.example.com").text == "a"


def test_without_arguments_it_serves_this_folder_or_its_workers(
    serve, make_worker, tmp_path
) -> None:
    folder = make_worker("alone", HELLO.format("alone"))
    make_worker("workers/inside", HELLO.format("inside"))

    assert serve(cwd=folder).get("/").text == "alone"
    assert serve(cwd=tmp_path).get("/").text == "inside"


def test_config_files_are_served_in_the_order_in_which_they_are_named(
    serve, make_worker, tmp_path
) -> None:
    folders = [make_worker(name, HELLO.format(name)) for name in ("a", "b")]
    (folders[0] / "wrangler.toml").rename(folders[0] / "own.toml")

    server = serve("-c", "b/wrangler.toml", "--config", "a/own.toml")

    assert server.get("/").text == "b"
    assert server.get("/", host="a.localhost").text == "a"


def test_an_environment_suffixes_the_name_and_both_names_answer(serve, make_worker) -> None:
    config = '[vars]\nWHERE = "top"\n[env.staging.vars]\nWHERE = "staging"\n'
    folder = make_worker("shop", SAYING_VARS, config=config)

    server = serve(folder, "--env", "staging", "--var", "EXTRA:a:b")

    assert server.get("/", host="shop-staging.localhost").text == "staging a:b"
    assert server.get("/", host="shop.localhost").text == "staging a:b"


def test_a_var_of_the_command_line_wins_over_the_config(serve, make_worker) -> None:
    folder = make_worker("shop", SAYING_VARS, config='[vars]\nWHERE = "top"\nEXTRA = "x"\n')

    server = serve(folder, "--var", "WHERE:command line")

    assert server.get("/").text == "command line x"


def test_a_service_binding_finds_its_worker_in_the_same_environment(
    serve, make_worker, tmp_path
) -> None:
    calling = HELLO.replace('Response("{}")', 'await self.env.{}.fetch("http://x/")')
    config = '[env.staging]\n[[env.staging.services]]\nbinding = "{}"\nservice = "{}"\n'
    make_worker("a", calling.format("TOP"), config=config.format("TOP", "b"))
    make_worker("b", HELLO.format("b"), config="[env.staging]\n")
    make_worker("c", calling.format("FULL"), config=config.format("FULL", "b-staging"))

    server = serve(tmp_path, "--env", "staging")

    assert server.get("/", host="a.localhost").text == "b"
    assert server.get("/", host="c.localhost").text == "b"


def test_a_binding_to_a_worker_that_is_not_loaded_is_one_warning_that_names_it(
    serve, make_worker
) -> None:
    config = '[[services]]\nbinding = "S"\nservice = "nobody"\n'

    server = serve(make_worker("lonely", HELLO.format("hi"), config=config))

    assert server.get("/").text == "hi"
    assert server.output.count("warning: ") == 1
    assert 'leads to a worker "nobody", which does not exist here' in server.output


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_secrets_that_git_tracks_and_configs_that_lose_are_warned_of(serve, make_worker) -> None:
    folder = make_worker("shop", HELLO.format("hi"))
    (folder / ".dev.vars").write_text("API_KEY=hunter2\n")
    (folder / "wrangler.json").write_text('{"name": "shop", "main": "src/entry.py"}')
    for arguments in (["init", "-q", "."], ["add", "-f", ".dev.vars"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)

    server = serve(folder)

    server.wait_for('.dev.vars" is tracked by git')
    assert "wrangler.json is used, wrangler.toml is ignored" in server.output


def test_a_worker_with_a_port_of_its_own_listens_there_too(serve, make_worker, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    make_worker("alpha", HELLO.format("a"))
    make_worker("beta", HELLO.format("b"), config=f"[dev]\nport = {port}\n")

    server = serve(tmp_path)

    assert server.get("/").text == "a"
    assert server.client.get(f"http://127.0.0.1:{port}/").text == "b"
    assert server.get("/", host="beta.localhost").text == "b"
    assert f"http://localhost:{port}/" in server.output


# What a worker sees


def test_a_request_reaches_the_worker_untouched_but_for_what_the_runtime_sets(
    serve, make_worker
) -> None:
    server = serve(make_worker("echo", ECHO))

    seen = server.client.post(
        "/a%2Fb/%C3%A9?q=1&q=%20",
        content=b"body",
        headers={
            "Host": "shop.example:81",
            "Origin": "https://elsewhere.example",
            "CF-Connecting-IP": "6.6.6.6",
            "cf-ray": "forged",
            "X-Forwarded-Proto": "gopher",
        },
    ).json()

    assert seen["url"] == "http://shop.example:81/a%2Fb/%C3%A9?q=1&q=%20"
    assert (seen["method"], seen["body"], seen["cf"]) == ("POST", "body", "DE")
    headers = seen["headers"]
    assert headers["origin"] == "https://elsewhere.example"
    assert headers["cf-connecting-ip"] == "127.0.0.1"
    assert headers["cf-ray"] != "forged"
    assert headers["x-forwarded-proto"] == "http"


def test_https_with_a_self_signed_certificate(serve, make_worker, tmp_path) -> None:
    state = tmp_path / "state"
    server = serve(make_worker("echo", ECHO), "--local-protocol", "https", "--persist-to", state)

    seen = server.get("/").json()
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1) == b""

    assert server.url.startswith("https://localhost:")
    assert seen["url"].startswith("https://")
    assert seen["headers"]["x-forwarded-proto"] == "https"
    assert (state / "tls" / "key.pem").exists()
    assert "Traceback" not in server.output


def test_scheduled_handlers_are_fired_by_hand(serve, make_worker) -> None:
    source = """
from workers import Response, WorkerEntrypoint
ran = []
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response.json(ran)
    async def scheduled(self, controller, env, ctx):
        ran.append([controller.cron, controller.scheduledTime])
"""
    server = serve(make_worker("cron", source), "--test-scheduled")

    first = server.get("/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=1000")
    second = server.get("/__scheduled?cron=0+0+*+*+*&time=2000")

    assert (first.status_code, first.text, second.text) == (200, "ok", "ok")
    assert server.get("/").json() == [["* * * * *", 1000], ["0 0 * * *", 2000]]


def test_every_request_gets_a_log_line_without_its_query(serve, make_worker) -> None:
    server = serve(make_worker("hello", HELLO.format("hi")))

    server.get("/path/x?token=abc")

    line = server.wait_for("/path/x")
    assert line.startswith("GET /path/x 200 ")
    assert line.endswith(" ms hello\n")
    assert "abc" not in server.output


def test_who_wants_warnings_only_gets_no_line_a_request(serve, make_worker) -> None:
    server = serve(make_worker("hello", HELLO.format("hi")), "--log-level", "warning")

    server.get("/quietly")
    server.interrupt()

    assert "quietly" not in server.output
    assert "Ready on" in server.output


def test_state_is_kept_beside_the_config(serve, make_worker, tmp_path) -> None:
    source = HELLO.replace(
        'return Response("{}")', 'await self.env.KV.put("k", "v"); return Response("put")'
    )
    config = '[[kv_namespaces]]\nbinding = "KV"\nid = "abc"\n'
    folder = make_worker("keeper", source, config=config)

    assert serve(folder, cwd=tmp_path).get("/").text == "put"

    assert [path.name for path in (folder / ".edgestead").iterdir()] == ["kv_namespace"]
    assert not (tmp_path / ".edgestead").exists()


# Faults of workers


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return None", "Default.fetch must return a workers.Response, it returned NoneType"),
        ("return {'a': 1}", "it returned dict"),
        ("raise ValueError('boom')", "ValueError: boom"),
        ("self.env.NOPE", "NOPE"),
    ],
)
def test_a_failing_handler_is_a_readable_500(serve, make_worker, body: str, expected: str) -> None:
    source = HELLO.replace('return Response("{}")', body)
    server = serve(make_worker("faulty", source))

    answer = server.get("/")

    assert answer.status_code == 500
    assert expected in answer.text
    assert "/runtime/" not in answer.text
    server.wait_for('worker "faulty": GET')


def test_a_handler_that_computes_for_ever_is_interrupted_and_the_next_works(
    serve, make_worker
) -> None:
    source = """
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        while request.url.endswith("/spin"):
            pass
        return Response("ok")
"""
    folder = make_worker("spinner", source, config="[limits]\ncpu_ms = 200\n")
    # Unmeasured: coverage takes a lock that is not reentrant, and the signal may arrive under it.
    server = serve(folder, COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START="")

    spun = server.get("/spin")

    assert spun.status_code == 503
    assert "error code: 1102" in spun.text
    assert server.get("/").text == "ok"


def test_module_code_sees_env_and_may_not_fetch(serve, make_worker, tmp_path) -> None:
    make_worker(
        "early",
        "from workers import *\nfrom workers import env\nword = env.WORD\n"
        "class Default(WorkerEntrypoint):\n"
        "    async def fetch(self, request):\n        return Response(word)\n",
        config='[vars]\nWORD = "read early"\n',
    )
    make_worker(
        "hasty",
        "import asyncio\nfrom workers import fetch\nasyncio.run(fetch('http://localhost:1/'))\n",
    )
    server = serve(tmp_path)

    assert server.get("/", host="early.localhost").text == "read early"
    assert "while the worker loads" in server.get("/", host="hasty.localhost").text


def test_wait_until_work_runs_on_and_its_failure_is_logged(serve, make_worker) -> None:
    source = """
from workers import Response, WorkerEntrypoint, wait_until
async def later(env):
    await env.KV.put("done", "yes")
    print("stored")
async def failing():
    raise RuntimeError("late failure")
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/start"):
            self.ctx.waitUntil(later(self.env))
            wait_until(failing())
            return Response("started")
        return Response(await self.env.KV.get("done") or "no")
"""
    config = '[[kv_namespaces]]\nbinding = "KV"\nid = "abc"\n'
    server = serve(make_worker("later", source, config=config), PYTHONUNBUFFERED="1")

    assert server.get("/start").text == "started"
    server.wait_for("stored")
    assert server.get("/").text == "yes"
    assert "waitUntil work failed" in server.output
    assert "late failure" in server.output


def test_a_worker_that_calls_itself_is_cut_with_a_clear_error(serve, make_worker) -> None:
    source = HELLO.replace('Response("{}")', "await self.env.SELF.fetch(request.url)")
    config = '[[services]]\nbinding = "SELF"\nservice = "loop"\n'
    server = serve(make_worker("loop", source, config=config))

    answer = server.get("/")

    assert answer.status_code == 500
    assert "nest over 32 deep" in answer.text


def test_secrets_never_show_in_pages_or_on_the_console(serve, make_worker) -> None:
    source = """
import logging
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("printed", self.env.TOKEN)
        logging.getLogger("mine").error("token is %s", self.env.TOKEN)
        assert repr(self.env).count("TOKEN")
        raise ValueError(f"bad {self.env.TOKEN} and {self.env!r}")
"""
    folder = make_worker("leaky", source)
    (folder / ".dev.vars").write_text('TOKEN="s3cr3t-value"\n')
    server = serve(folder, PYTHONUNBUFFERED="1")

    answer = server.client.get("/", headers={"Accept": "text/html"})
    server.wait_for("ValueError: bad [secret]")

    assert answer.status_code == 500
    assert "[secret]" in answer.text
    assert "printed [secret]\n" in server.output
    assert "token is [secret]\n" in server.output
    assert "s3cr3t-value" not in answer.text + server.output
