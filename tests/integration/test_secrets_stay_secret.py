"""A worker does what it can to give its secrets away; nothing that a run shows or leaves has one.

Every secret has MARK in it, which no encoding but base64 changes: so whatever is left of a secret,
in whatever form, is found.
"""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.timeout(120)

MARK = "xYzzY7"

# A value in `.dev.vars`, as it is written there; what is in it is worth escaping.
DEV_VARS = {
    "PLAIN": f"plain-{MARK}-secret",
    "URLISH": f"'p@ss/{MARK}?a=1&b=%41#c +d:{MARK}'",
    "HTMLISH": f'`<b class="{MARK}">it\'s & so {MARK}</b>`',
    "BACKSLASHES": rf"'C:\new\{MARK}\\temp\'",
    "UNICODE": f"pässwörd-{MARK}-🔑",
    "LISTED": f"first-{MARK}-key,second-{MARK}-key",
    "JSONISH": f'\'{{"user": "u-{MARK}", "keys": ["k-{MARK}"], "password": "pa\\"ss-{MARK}"}}\'',
    "LINES": f'"-----BEGIN {MARK}-----\n{MARK}+abc/def==\n  {MARK} ghi\n-----END {MARK}-----"',
    "ESCAPED_LINES": rf"'-----BEGIN {MARK}-----\n{MARK}+abc/def==\n-----END {MARK}-----\n'",
    "LONG": f"{MARK}" * 20,
}
ENVIRONMENT = f"from-{MARK}-the-environment"

LEAKY = """
import asyncio, atexit, base64, html, json, logging, pprint, reprlib, sys, threading, traceback
import urllib.parse, warnings

from pydantic import BaseModel, Field, SecretStr
from workerkit import WorkerSettings
from workers import Response, WorkerEntrypoint, env as module_env, fetch, wait_until

NAMES = ["PLAIN", "URLISH", "HTMLISH", "BACKSLASHES", "UNICODE", "LISTED", "JSONISH", "LINES",
         "ESCAPED_LINES", "LONG"]
print("while loading", [getattr(module_env, name) for name in NAMES])
atexit.register(lambda: print("at exit", module_env.PLAIN))


class Settings(WorkerSettings):
    plain: int
    listed: list[int]
    jsonish: dict[str, int]
    long: SecretStr = Field(max_length=5)


class Strict(BaseModel):
    number: int
    inner: "Strict | None" = None


def written(text):
    yield from (text, repr(text), repr([text]), repr(repr(text)), ascii(text), json.dumps(text))
    yield from (json.dumps({"deep": json.dumps([text])}, indent=1), repr(text.encode()))
    yield from (html.escape(text), html.escape(html.escape(text)), urllib.parse.quote(text))
    yield from (urllib.parse.quote(text, safe=""), urllib.parse.urlencode({"q": text}))
    yield from (urllib.parse.quote(repr(text)), pprint.pformat({"x": {"y": text}}, width=200))
    yield from (base64.b64encode(f"{pre}{text}".encode()).decode() for pre in ("", "a:", "me:"))
    yield from (reprlib.repr(text), text.replace("\\\\n", "\\n"), text.replace("\\n", "\\n    "))
    yield base64.urlsafe_b64encode(text.encode()).decode()
    if text.startswith("{"):
        yield str(json.loads(text))
        yield json.loads(text)["password"]


def fail(text):
    secret_in_a_local_variable = text
    raise ValueError(f"{text} was refused", {"and": text})


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        way, _, name = urllib.parse.urlsplit(request.url).path.strip("/").partition("/")
        text = getattr(self.env, name or "PLAIN")
        return await getattr(self, f"by_{way}")(text) or Response(f"{way} of {name} done")

    async def by_print(self, text):
        for form in written(text):
            print("out", form)
            print("err", form, file=sys.stderr)
        print("env", self.env, repr(self.env), f"{self.env}", vars(type(self.env)), dir(self.env))
        for character in text:
            print(character, end="")
        print()
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            stream.buffer.write(text.encode() + b"\\n")
            stream.writelines([text, "\\n"])

    async def by_log(self, text):
        logger = logging.getLogger("leaky")
        for form in written(text):
            logger.debug("debug %s", form)
            logger.warning("of %r", {"a": [form]})
        warnings.warn(f"beware of {text}", stacklevel=1)
        try:
            fail(text)
        except ValueError as error:
            logger.exception("failed")
            logger.error("error %r", error, stack_info=True, extra={"text": text})
            traceback.print_exc()
            print(traceback.TracebackException.from_exception(error, capture_locals=True).stack)
            print("".join(traceback.TracebackException.from_exception(
                error, capture_locals=True).format()))

    async def by_task(self, text):
        async def failing():
            fail(text)
        tasks = [asyncio.create_task(failing(), name=text), asyncio.create_task(failing())]
        await asyncio.sleep(0)
        print("task", tasks[0], asyncio.current_task())
        del tasks
        asyncio.get_running_loop().call_exception_handler({"message": text, "more": [text]})
        threads = [threading.Thread(target=fail, args=(text,), name=text.strip())]
        threads[0].start()
        await asyncio.to_thread(threads[0].join)
        wait_until(failing())

        class Finalised:
            def __del__(self):
                fail(text)
        Finalised()

    async def by_raise(self, text):
        try:
            fail(text)
        except ValueError as error:
            error.add_note(f"a note of {text}")
            raise ExceptionGroup(text, [error, KeyError(text)]) from RuntimeError(text)

    async def by_settings(self, text):
        return Settings.from_env(self.env)

    async def by_model(self, text):
        Strict.model_validate({"number": text, "inner": {"number": [text]}})

    async def by_rpc(self, text):
        await self.env.OTHER.refuse(text)

    async def by_response(self, text):
        return Response("x", headers={"x-key": text + "\\n"}, status=text)

    async def by_result(self, text):
        return type(text, (), {})()

    async def by_url(self, text):
        await fetch(f"http://user:{urllib.parse.quote(text, safe='')}@localhost:1/{text}")

    async def by_exit(self, text):
        sys.exit(text)

    async def scheduled(self, controller, env, ctx):
        fail(env.LINES)
"""

OTHER = """
from workers import Response, WorkerEntrypoint

class RefusedError(LookupError):
    pass

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        raise RefusedError(self.env.TOKEN, str(self.env), f"{self.env!r}")

    async def refuse(self, text):
        raise RefusedError({"given": text, "token": self.env.TOKEN})
"""

WAYS = ["print", "log", "task", "raise", "model", "rpc", "response", "result", "url", "exit"]


def leaks(text: str) -> Iterator[str]:
    """Yield what is left of a secret in a text, with what stands around it."""
    for found in re.finditer(MARK, text, re.IGNORECASE):
        yield text[max(0, found.start() - 60) : found.end() + 60]
    for found in re.finditer(r"[A-Za-z0-9+/_-]{8,}", text):
        for offset in range(4):
            encoded = found[0][offset:].replace("-", "+").replace("_", "/")
            data = base64.b64decode(encoded[: len(encoded) // 4 * 4])
            if MARK.encode() in data:
                yield found[0]


@pytest.fixture
def leaky(make_worker: Callable[..., Path]) -> Path:
    config = '[[services]]\nbinding = "OTHER"\nservice = "other"\n'
    folder = make_worker("leaky", LEAKY, config=config)
    text = "".join(f"{name}={value}\n" for name, value in DEV_VARS.items())
    (folder / ".dev.vars").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def other(make_worker: Callable[..., Path]) -> Path:
    return make_worker("other", OTHER, config='[secrets]\nrequired = ["TOKEN"]\n')


def test_nothing_that_a_run_shows_or_leaves_has_a_secret(serve, leaky, other, tmp_path) -> None:
    state = tmp_path / "state"
    server = serve(
        leaky, other, "--log-level", "debug", "--persist-to", state, TOKEN=ENVIRONMENT,
        PYTHONUNBUFFERED="1", PYTHONASYNCIODEBUG="1",
    )  # fmt: skip
    pages = []
    for way in WAYS:
        for name in DEV_VARS:
            for accept in ("text/html", "*/*"):
                answer = server.client.get(f"/{way}/{name}", headers={"Accept": accept})
                pages.append(answer.text)
                if way in ("print", "log", "task"):
                    assert answer.text == f"{way} of {name} done"
                else:
                    assert answer.status_code == 500, way
    answers = [
        server.get("/settings"),
        server.get("/", host="other.localhost"),
        server.get("/cdn-cgi/handler/scheduled"),
        server.get("/cdn-cgi/nothing"),
    ]
    pages += [answer.text for answer in answers]
    # What a client sends is no secret of ours to it, but one to the log.
    server.get(f"/{quote(f'plain-{MARK}-secret')}")
    server.get(f"/{quote(f'p@ss/{MARK}?a=1&b=%41#c +d:{MARK}', safe='')}?token=plain-{MARK}-secret")

    server.interrupt()
    server.wait_for("at exit")

    assert list(leaks(server.output)) == []
    assert list(leaks("\n".join(pages))) == []
    assert [path for path in state.rglob("*") if path.is_file() and MARK in path.read_text()] == []
    assert "at exit [secret]\n" in server.output
    assert "Task exception was never retrieved" in server.output
    assert all("[secret]" in page for page in pages if "was refused" in page)
    assert "LONG is wrong: expected a secret" in pages[-4]


def test_secrets_that_a_reload_changes_stay_secret(serve, leaky, other) -> None:
    server = serve(leaky, other, TOKEN=ENVIRONMENT, PYTHONUNBUFFERED="1")
    dev_vars = leaky / ".dev.vars"
    before = dev_vars.read_text(encoding="utf-8")

    dev_vars.write_text(before.replace("PLAIN=plain", "PLAIN=new"), encoding="utf-8")
    server.wait_for('reloaded worker "leaky"')
    new = server.get("/raise/PLAIN").text
    # A line that cannot be read, and code that fails with a secret which no version had.
    dev_vars.write_text(f"{before}LAST=last-{MARK}\nno line at all {MARK}\n", encoding="utf-8")
    server.wait_for('reloaded worker "leaky"')
    (leaky / "src" / "entry.py").write_text(
        "from workers import env\nraise RuntimeError(env.LAST, env.PLAIN)\n"
    )
    server.wait_for("RuntimeError: ")
    broken = server.get("/").text

    server.interrupt()
    assert "RuntimeError: ('[secret]', '[secret]')" in broken
    assert list(leaks(new + broken + server.output)) == []


def test_ordinary_words_and_short_texts_in_a_secrets_file_are_shown(serve, make_worker) -> None:
    folder = make_worker(
        "plain",
        "async def on_fetch(request, env):\n"
        "    raise ValueError(env.DEBUG, env.STAGE, env.PIN, env.BASE, env.LIMIT)\n",
    )
    (folder / ".dev.vars").write_text(
        "DEBUG=true\nSTAGE=dev\nPIN=123\nBASE=http://localhost:8787\nLIMIT=65536\n"
    )
    server = serve(folder)

    shown = server.get("/").text

    assert "ValueError: ('true', 'dev', '123', 'http://localhost:8787', '65536')" in shown
    assert "[secret]" not in shown + server.output


VAULT = """
from contextlib import asynccontextmanager

from runtime.plugins import BindingPlugin, HostError

class Plugin(BindingPlugin):
    kinds = ("vault",)
    sections = {"vaults": "vault"}

    def parse(self, raw, report):
        return raw.fields["token"]

    def sensitive(self, spec):
        return spec

    @asynccontextmanager
    async def open(self, host):
        (raw,) = host.bindings("vault")
        error = HostError if host.option("vault", "ends", "") else RuntimeError
        raise error(f"{raw.fields['token']} is refused by the vault")
        yield
"""


@pytest.fixture
def vault(tmp_path: Path, make_worker: Callable[..., Path]) -> tuple[Path, str]:
    """A worker with a binding that has a secret, and where its kind is installed."""
    site = tmp_path / "site"
    info = site / "vault-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "edgestead_vault.py").write_text(VAULT)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[edgestead.bindings]\nvault = edgestead_vault:Plugin\n")
    folder = make_worker(
        "guarded",
        "async def on_fetch(request, env):\n    return env.VAULT.open()\n",
        config=f'[[vaults]]\nbinding = "VAULT"\ntoken = "token-{MARK}"\n',
    )
    return folder, str(site)


def test_what_a_binding_kind_calls_sensitive_is_hidden_when_it_breaks(serve, vault) -> None:
    folder, site = vault
    server = serve(folder, PYTHONPATH=site)

    page = server.get("/").text

    assert "[secret] is refused by the vault" in page
    assert "RuntimeError: [secret] is refused by the vault" in server.output
    assert list(leaks(page + server.output)) == []


def test_what_a_binding_kind_calls_sensitive_is_hidden_when_it_ends_the_server(
    refused, vault
) -> None:
    folder, site = vault

    code, output = refused(
        "serve", "--port", "0", folder, PYTHONPATH=site, EDGESTEAD_VAULT_ENDS="1"
    )

    assert code == 1
    assert "error: [secret] is refused by the vault\n" in output
    assert list(leaks(output)) == []
