"""Reload on save, as a person with an editor sees it."""

import pytest

pytestmark = pytest.mark.timeout(120)

HELLO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{}")
"""


def test_save_reloads_code_config_and_secrets(serve, make_worker) -> None:
    source = "from part import word\n" + HELLO.replace(
        '"{}"', 'f"{word} {self.env.V} {self.env.S}"'
    )
    folder = make_worker("shop", source, config='[vars]\nV = "v1"\n', part='word = "w1"')
    (folder / ".dev.vars").write_text("S=secret-one\n")
    server = serve(folder)
    answers = [server.get("/").text]

    for path, old, new in [
        (folder / "src" / "part.py", "w1", "w2"),
        (folder / "wrangler.toml", "v1", "v2"),
        (folder / ".dev.vars", "one", "two"),
    ]:
        path.write_text(path.read_text().replace(old, new))
        server.wait_for("reloaded worker")
        answers.append(server.get("/").text)

    assert answers == [
        "w1 v1 secret-one",
        "w2 v1 secret-one",
        "w2 v2 secret-one",
        "w2 v2 secret-two",
    ]


def test_a_change_of_shared_code_reloads_each_worker_that_has_it(
    serve, make_worker, tmp_path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "common.py").write_text('word = "one"')
    source = "from common import word\n" + HELLO.replace('"{}"', "word")
    for name in ("a", "b"):
        folder = make_worker(f"workers/{name}", source)
        (folder / "pyproject.toml").write_text(
            '[tool.uv.sources]\ncommon = { path = "../../shared" }\n'
        )
    make_worker("workers/c", HELLO.format("c"))
    server = serve(tmp_path / "workers")

    (shared / "common.py").write_text('word = "two"')
    server.wait_for("reloaded worker")
    server.wait_for("reloaded worker")

    assert [server.get("/", host=f"{name}.localhost").text for name in "abc"] == ["two", "two", "c"]
    assert 'reloaded worker "c"' not in server.output


def test_a_folder_that_the_project_file_adds_is_watched_from_then_on(
    serve, make_worker, tmp_path
) -> None:
    source = "try:\n    from added import word\nexcept ImportError:\n    word = 'none'\n"
    folder = make_worker("shop", source + HELLO.replace('"{}"', "word"))
    (tmp_path / "added").mkdir()
    (tmp_path / "added" / "added.py").write_text('word = "one"')
    server = serve(folder)
    before = server.get("/").text

    (folder / "pyproject.toml").write_text('[tool.uv.sources]\nadded = { path = "../added" }\n')
    # Once for the project file, and once for what may have been saved meanwhile.
    server.wait_for("reloaded worker")
    server.wait_for("reloaded worker")
    added = server.get("/").text
    (tmp_path / "added" / "added.py").write_text('word = "two"')
    server.wait_for("reloaded worker")

    assert (before, added, server.get("/").text) == ("none", "one", "two")


def test_requests_in_flight_finish_on_the_version_they_began_on(serve, make_worker) -> None:
    source = HELLO.replace(
        'return Response("{}")',
        'return Response("{} " + (await request.text() if request.method == "POST" else ""))',
    )
    folder = make_worker("shop", source.format("old"))
    server = serve(folder)

    with server.connect() as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbo"
        )
        # Answered after the first connection's request has been taken.
        assert server.get("/").text == "old "
        (folder / "src" / "entry.py").write_text(source.format("new"))
        server.wait_for("reloaded worker")
        fresh = server.get("/").text
        connection.sendall(b"dy")
        answer = connection.makefile("rb").read()

    assert fresh == "new "
    assert answer.endswith(b"\r\n\r\nold body")


def test_what_is_kept_in_memory_outlives_a_reload(serve, make_worker) -> None:
    source = HELLO.replace(
        'return Response("{}")',
        'n = await self.env.KV.get("n", "json") or 0; await self.env.KV.put("n", n + 1); '
        'return Response(f"{} {{n}}")',
    )
    config = '[[kv_namespaces]]\nbinding = "KV"\nid = "abc"\n'
    folder = make_worker("counter", source.format("old"), config=config)
    server = serve(folder, EDGESTEAD_KV_NAMESPACE_ENGINE="memory")
    before = server.get("/").text

    (folder / "src" / "entry.py").write_text(source.format("new"))
    server.wait_for("reloaded worker")

    assert (before, server.get("/").text) == ("old 0", "new 1")


def test_a_syntax_error_takes_down_one_worker_and_names_file_and_line(
    serve, make_worker, tmp_path
) -> None:
    broken = make_worker("broken", "x = 1\ndef oops(:\n")
    make_worker("fine", HELLO.format("fine"))
    server = serve(tmp_path)

    page = server.client.get("/", headers={"Host": "broken.localhost", "Accept": "text/html"})
    fine = server.get("/", host="fine.localhost").text
    (broken / "src" / "entry.py").write_text(HELLO.format("mended"))
    server.wait_for('reloaded worker "broken"')

    assert page.status_code == 500
    assert "SyntaxError" in page.text
    assert "entry.py:2" in page.text
    assert fine == "fine"
    assert server.get("/", host="broken.localhost").text == "mended"


def test_a_config_that_breaks_while_serving_is_told_and_changes_nothing(serve, make_worker) -> None:
    folder = make_worker("shop", HELLO.format("open"))
    server = serve(folder)

    (folder / "wrangler.toml").write_text('name = "shop"\nmain = \n')
    server.wait_for("goes on as it was")

    assert server.get("/").text == "open"
    assert "wrangler.toml:2" in server.output


def test_a_worker_may_get_another_name(serve, make_worker) -> None:
    folder = make_worker("shop", HELLO.format("open"))
    server = serve(folder)

    config = folder / "wrangler.toml"
    config.write_text(config.read_text().replace('"shop"', '"store"'))
    server.wait_for('reloaded worker "store"')

    assert server.get("/", host="store.localhost").text == "open"
    assert server.get("/").text == "open"


def test_a_reload_can_be_declined(serve, make_worker) -> None:
    folder = make_worker("shop", HELLO.format("old"))
    server = serve(folder, "--no-reload")

    (folder / "src" / "entry.py").write_text(HELLO.format("new"))

    assert server.get("/").text == "old"
    assert server.interrupt() == 0
    assert "reloaded" not in server.output
