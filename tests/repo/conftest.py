"""Pages of the documentation as programs: files are written, commands run, output is compared.

A block whose first line is a comment with a path (`# src/entry.py`, `// wrangler.jsonc`) is a file.
In `console` blocks `$ …` lines are commands, with their output below. `…` stands for any text in a
line, and alone for any lines; times are not compared. Ports of the page are replaced by free ones.
`$ NAME=value` and `$ NAME=$(curl … | jq -r .member)` remember a text, or a part of an answer, which
is what `$NAME` stands for from then on. Without node, its commands are left out.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

ROOT = Path(__file__).parents[2]
# Where the page's first server listens unless told otherwise; others stand behind `dev.port`.
DEFAULT_PORT = "8787"
# What prepares a reader's machine, and is covered by other tests.
NOT_RUN = ("git clone ", "make test", "pip install fastapi", "pip uninstall ", "python3 -m venv ")

SERVE = re.compile(r"(?:\S+=\S+ )*(?:\S*/)?runtime serve\b|make (?:serve|examples)\b")

_BLOCK = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:#|//) ((?:[\w-]+/)*[\w.-]*\.[\w.-]+)")
_PORT = re.compile(r"\b87\d\d\b")
_REMEMBER = re.compile(r"(\w+)=\$\((.*) \| jq -r '?([^\s']+)'?\)")
_MEMBER = re.compile(r"\.(\w+)|\[(\d+)\]")
_TIME = re.compile(r"\b\d+(?:\.\d+)? ?(ms|s)\b")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The path that the first line names."""
        match = _FILE.fullmatch(self.text.partition("\n")[0])
        return None if match is None else match[1]

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console block, each with what it prints."""
        if self.language != "console":
            return []
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


@pytest.fixture(scope="session")
def blocks_of() -> Callable[[Path], list[Block]]:
    """Return the fenced blocks of a page, in order."""
    return lambda page: [
        Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


class PageRun:
    """One page on its way: its folder, what is installed, and its server."""

    def __init__(self, folder: Path, serve: Callable, refused: Callable) -> None:
        self.folder = folder / "page"
        self.folder.mkdir()
        self.site = folder / "site"
        self.state = folder / "state"
        self._serve = serve
        self._refused = refused
        self._server = None
        self._ports: dict[str, str] = {}
        self._remembered: dict[str, str] = {}

    def run(self, blocks: list[Block]) -> None:
        """Write the files and run the commands of a page, in order."""
        for index, block in enumerate(blocks):
            if block.language == "console":
                for command, shown in block.commands:
                    if not command.startswith(NOT_RUN):
                        self._run(command, shown)
            elif block.file is not None:
                commands = [one for later in blocks[index:] for one, _ in later.commands]
                if any(SERVE.match(command) for command in commands[:1]):
                    self._stop()
                self._write(self.folder / block.file, block.text)

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._with_ports(text), encoding="utf-8")
        if self._server is not None and self._is_of_worker(path):
            # "reloaded worker …", or why it could not be.
            self._server.wait_for('worker "')

    def _is_of_worker(self, path: Path) -> bool:
        """Tell whether a worker is loaded again for a file: its own, or of code that it shares."""
        inside = path.relative_to(self.folder).parts[:-1]
        projects = [folder for folder in path.parents[: len(inside)] if is_project(folder)]
        return "tests" not in inside and bool(projects)

    def _run(self, command: str, shown: str) -> None:
        command = re.sub(r"\$(\w+)", lambda name: self._remembered.get(name[1], name[0]), command)
        if remember := _REMEMBER.fullmatch(command):
            answer = json.loads(self._curl(shlex.split(remember[2])[1:]))
            self._remembered[remember[1]] = member_of(answer, remember[3])
            return
        words = shlex.split(command)
        if all("=" in word for word in words):
            self._remembered |= dict(word.split("=", 1) for word in words)
            return
        env: dict[str, str] = {}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        if self.site.exists():
            env["PYTHONPATH"] = str(self.site)
        tool, *arguments = words
        match Path(tool).name:
            case "curl":
                printed = self._curl(arguments)
            case "cd":
                # Into a checkout.
                return self._check_out()
            case "make":
                env["EDGESTEAD_PERSIST_TO"] = str(self.state)
                self._check_out()
                return self._start(served_by_make(*arguments), shown, self.folder, env)
            case "runtime" if arguments[-2:-1] == [">"]:
                _, printed = self._refused(*arguments[:-2], cwd=self.folder, **env)
                (self.folder / arguments[-1]).write_text(printed, encoding="utf-8")
                return
            case "runtime" if arguments[0] != "serve" or "\nerror: " in f"\n{shown}":
                _, printed = self._refused(*arguments, cwd=self.folder, **env)
            case "runtime":
                return self._start(arguments[1:], shown, self.folder, env)
            case "pip" if arguments[0] == "install":
                install(self.folder / arguments[1], self.site)
                printed = ""
            case "pytest" | "python":
                printed = self._python(tool, arguments, env)
            case "node":
                if shutil.which(tool) is None:
                    return
                printed = self._program([tool, *arguments], env)
            case _:
                raise AssertionError(f"how is this run: {command}")
        self._compare(command, shown, printed, whole=True)

    def _check_out(self) -> None:
        """Copy the worker folders, with the secrets that `make serve` puts there."""
        copy = self.folder / "workers"
        if not copy.exists():
            kept = shutil.ignore_patterns("__pycache__", ".edgestead", ".dev.vars")
            shutil.copytree(ROOT / "workers", copy, ignore=kept)
            for example in copy.glob("*/.dev.vars.example"):
                shutil.copy(example, example.with_suffix(""))

    def _start(self, arguments: list[str], shown: str, folder: Path, env: dict[str, str]) -> None:
        self._stop()
        self._server = self._serve(*arguments, cwd=folder, **env)
        self._ports[DEFAULT_PORT] = str(self._server.port)
        self._compare("runtime serve", shown, self._server.output, whole=False)

    def _stop(self) -> None:
        """Stop the server, as a reader does before starting another one."""
        if self._server is not None:
            self._server.interrupt()
            self._server = None

    def _curl(self, arguments: list[str]) -> str:
        head, file, request = curl_request([self._with_ports(word) for word in arguments])
        # Names under .localhost are this machine, whether or not its resolver knows. The header
        # stays as it is.
        request.url = request.url.copy_with(host="127.0.0.1")
        with httpx.Client(trust_env=False, timeout=10, verify=False) as client:
            response = client.send(request)
        if file is not None:
            (self.folder / file).write_bytes(response.content)
            return ""
        if not head:
            return response.text
        lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
        lines += [f"{name.decode()}: {value.decode()}" for name, value in response.headers.raw]
        return "\n".join(lines) + "\n\n" + response.text

    def _python(self, tool: str, arguments: list[str], env: dict[str, str]) -> str:
        module = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if tool == "pytest" else []
        return self._program([sys.executable, *module, *arguments], env)

    def _program(self, command: list[str], env: dict[str, str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **env},
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _with_ports(self, text: str) -> str:
        def port(found: re.Match[str]) -> str:
            if found[0] not in self._ports and found[0] != DEFAULT_PORT:
                self._ports[found[0]] = str(free_port())
            return self._ports.get(found[0], found[0])

        return _PORT.sub(port, text)

    def _compare(self, command: str, shown: str, printed: str, *, whole: bool) -> None:
        pattern = re.compile(_pattern(self._with_ports(shown)))
        text = _TIME.sub(r"0 \1", printed.rstrip("\n") + "\n" if printed else "")
        found = pattern.fullmatch(text) if whole else pattern.match(text)
        assert found, f"$ {command}\nprinted:\n{printed}\nand not:\n{shown}"


def is_project(folder: Path) -> bool:
    """Tell whether a folder has a config, of wrangler or of Python."""
    return (folder / "pyproject.toml").exists() or any(folder.glob("wrangler.*"))


def _pattern(shown: str) -> str:
    lines = _TIME.sub(r"0 \1", shown).splitlines()
    return "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in lines
    )


def member_of(answer: Any, path: str) -> str:
    """Return what `jq -r` prints for a path such as `.keys[0].keyId`."""
    assert _MEMBER.sub("", path) == "", path
    for name, index in _MEMBER.findall(path):
        answer = answer[name or int(index)]
    assert isinstance(answer, str), path
    return answer


def curl_request(words: list[str]) -> tuple[bool, str | None, httpx.Request]:
    """Take a curl command apart; tell whether it shows the head, and which file it writes."""
    head, file, method, url, content = False, None, None, "", None
    headers: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        match word:
            case "-i":
                head = True
            case "-s":
                pass
            case "-o":
                file = next(rest)
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(":")
                headers[name] = value.strip()
            case "-d":
                content = next(rest)
                headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            case "--json":
                content = next(rest)
                headers |= {"Content-Type": "application/json", "Accept": "application/json"}
            case _ if word.startswith("-"):
                raise AssertionError(f"what does curl do with {word}?")
            case _:
                url = word
    method = method or ("GET" if content is None else "POST")
    return head, file, httpx.Request(method, url, headers=headers, content=content)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served_by_make(target: str, variables: str = "") -> list[str]:
    """Return the arguments that `make serve`, or `make examples`, gives to `runtime serve`."""
    recipe = re.search(
        rf"^{target}:.*\n\t.*runtime serve (.*) \$\(ARGS\)",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert recipe is not None
    return recipe[1].split() + shlex.split(variables.removeprefix("ARGS="))


def install(project: Path, site: Path) -> None:
    """Put a distribution where Python finds it, as pip would: its modules and its entry points."""
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site.mkdir(exist_ok=True)
    for module in (project / "src").iterdir():
        (site / module.name).symlink_to(module)
    info = site / f"{metadata['name'].replace('-', '_')}-{metadata['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {metadata['name']}\nVersion: {metadata['version']}\n",
        encoding="utf-8",
    )
    lines: list[str] = []
    for group, points in metadata.get("entry-points", {}).items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def page_run(tmp_path: Path, serve: Callable, refused: Callable) -> Iterator[PageRun]:
    """A page that is about to be run."""
    yield PageRun(tmp_path, serve, refused)
