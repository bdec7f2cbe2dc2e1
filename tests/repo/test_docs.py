"""The reference says of everything that can be used, and of nothing else; and every link leads."""

import configparser
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

import kvstore
import kvstore.engine
import kvstore.limits
import runtime
import runtime.plugins
import workerkit
import workers
import wrangler_compat
from runtime._cli.app import app
from runtime._registry import Registry
from runtime.bindings.send_email.relay import SmtpSettings
from runtime.settings import HostSettings
from wrangler_compat.config.keys import FIELDS, KEYS
from wrangler_compat.config.sections import BINDING_SECTIONS, TRIGGER_SECTIONS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
UNTRACKED = {"build", "dist", "node_modules", "python_modules"}
PAGES = [
    page
    for page in sorted(ROOT.rglob("*.md"))
    if not any(
        part.startswith(".") or part in UNTRACKED for part in page.relative_to(ROOT).parts[:-1]
    )
]
# What a message offers to the server and the client that send it, and to nobody else.
FOR_THE_RUNTIME = {"body_length", "buffered_body", "header_pairs", "take_body", "wrap_stream"}

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def rows(page: Path) -> Iterator[list[str]]:
    """Yield the cells of every table row."""
    for line in prose(page).splitlines():
        if line.startswith("|") and not line.startswith("|--"):
            # A pipe within a cell is escaped.
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def row_of(page: str, name: str) -> list[str]:
    """Return the one row whose first cell is `name`."""
    found = [cells for cells in rows(REFERENCE / page) if cells[0] == f"`{name}`"]
    assert len(found) == 1, f"{page} has {len(found)} rows for {name}"
    return found[0]


def named_in_rows(page: str, pattern: str) -> set[str]:
    """Return the names that fit `pattern` in the first cells of a page's tables."""
    first_cells = " ".join(cells[0] for cells in rows(REFERENCE / page))
    return {name for name in _CODE.findall(first_cells) if re.fullmatch(pattern, name)}


def missing(page: str, names: Iterable[str]) -> list[str]:
    """Return the names that no piece of code in the page's prose has as a word."""
    code = "\n".join(_CODE.findall(prose(REFERENCE / page)))
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", code)]


def members(cls: type) -> list[str]:
    """Return the public names of a class, fields included, that its package defines."""
    package = cls.__module__.partition(".")[0]
    return [
        name
        for base in cls.__mro__
        if base.__module__.startswith(package)
        for name in {**vars(base), **inspect.get_annotations(base)}
        if not name.startswith("_") and name not in FOR_THE_RUNTIME
    ]


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def subclasses(cls: type) -> Iterator[type]:
    yield cls
    for child in cls.__subclasses__():
        yield from subclasses(child)


# What can be used stands in the reference


def commands_below(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield a command and all below it, those of built-in plugins too, each with its words."""
    yield " ".join(path), command
    if isinstance(command, TyperGroup):
        for name in command.list_commands(None):
            yield from commands_below(command.get_command(None, name), *path, name)


def test_every_command_and_option() -> None:
    commands = dict(commands_below(typer.main.get_command(app), "runtime"))
    options = {
        option
        for command in commands.values()
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    }
    text = prose(REFERENCE / "cli.md")

    headings = [f"## `{words}`" for words in commands if words.count(" ") == 1]
    assert [heading for heading in headings if heading not in text] == []
    assert missing("cli.md", commands) == []
    assert missing("cli.md", options) == []
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - options == {"--help"}


def test_every_setting() -> None:
    sources = [
        path
        for package in ("kvstore", "runtime", "wrangler_compat")
        for path in (ROOT / package).rglob("*.py")
    ]
    in_code = {
        name
        for path in sources
        for name in re.findall(r"EDGESTEAD_[A-Z]+(?:_[A-Z]+)*", path.read_text(encoding="utf-8"))
    }
    fields = {
        f"{settings.model_config['env_prefix']}{name}".upper(): info
        for settings in (HostSettings, SmtpSettings)
        for name, info in settings.model_fields.items()
    }

    assert named_in_rows("settings.md", r"EDGESTEAD_\w+") == (
        in_code - {SmtpSettings.model_config["env_prefix"].rstrip("_")} | fields.keys()
    )
    for name, info in fields.items():
        default = (
            ""
            if info.default is None
            else f"{info.default:g}"
            if isinstance(info.default, float)
            else str(info.default)
        )
        assert f"`{default}`" in row_of("settings.md", name)[1] or not default, name


def test_every_key_of_the_config() -> None:
    scopes = {"inherited": "inherited", "own": "its own", "top_level": "top level only"}
    kinds = set(Registry.discover().kinds)
    served = {section.path[0] for section in BINDING_SECTIONS if section.kind in kinds}
    others = {section.path[0] for section in BINDING_SECTIONS} - served

    assert named_in_rows("config.md", r"[$\w]+") == KEYS.keys()
    for key, spec in KEYS.items():
        _, scope, here = row_of("config.md", key)
        word = re.split(r"[;:,. ]", here)[0]
        assert scope == scopes[spec.scope], key
        assert word in {"served", "plugin", "checked"}, key
        assert key not in served or word == "served", key
        assert key not in others or word == "plugin", key


def test_every_field_of_a_served_section() -> None:
    table = [cells for cells in rows(REFERENCE / "config.md") if len(cells) == 3]
    text = {key.strip("`"): here for key, _, here in table}

    for key, fields in FIELDS.items():
        if text.get(key, "").startswith("served"):
            assert [name for name in fields if f"`{name}`" not in text[key]] == [], key


def test_every_binding_kind() -> None:
    registry = Registry.discover()
    for section in BINDING_SECTIONS:
        if section.kind:
            _, where, here = row_of("bindings.md", section.kind)
            assert f"`{'.'.join(section.path)}`" in where, section
            assert here.startswith("served") == (section.kind in registry.kinds), section
    for trigger in TRIGGER_SECTIONS:
        assert missing("bindings.md", [".".join(trigger.path)]) == []
    assert missing("bindings.md", registry.kinds) == []


@pytest.mark.parametrize(
    ("page", "module"),
    [
        ("engines.md", kvstore.engine),
        ("engines.md", importlib.import_module("kvstore.owner")),
        ("engines.md", importlib.import_module("kvstore.remote")),
        ("engines.md", importlib.import_module("kvstore.testing")),
        ("kv.md", kvstore),
        ("kv.md", importlib.import_module("kvstore.transfer")),
        ("plugins.md", runtime.plugins),
        ("workerkit.md", workerkit),
        ("workers.md", workers),
        ("workers.md", importlib.import_module("workers.asgi")),
        ("workers.md", importlib.import_module("workers.wsgi")),
        ("workers.md", importlib.import_module("runtime._loader.shims.js")),
        ("workers.md", importlib.import_module("runtime._loader.shims.pyodide_ffi")),
        ("workers.md", importlib.import_module("runtime._loader.shims.pyodide_http")),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_public_name(page: str, module: ModuleType) -> None:
    assert missing(page, module.__all__) == []


@pytest.mark.parametrize(
    ("page", "cls"),
    [
        ("engines.md", kvstore.KVEngine),
        ("engines.md", kvstore.EngineOptions),
        ("engines.md", kvstore.Put),
        ("engines.md", kvstore.Record),
        ("engines.md", kvstore.engine.StoredValue),
        ("kv.md", kvstore.KVNamespace),
        ("plugins.md", runtime.plugins.Binder),
        ("plugins.md", runtime.plugins.BindingPlugin),
        ("plugins.md", runtime.plugins.CommandHosts),
        ("plugins.md", runtime.plugins.HostView),
        ("plugins.md", runtime.plugins.RawBinding),
        ("plugins.md", runtime.plugins.RawTrigger),
        ("plugins.md", runtime.plugins.ScheduledController),
        ("workerkit.md", workerkit.Router),
        ("workers.md", workers.Context),
        ("workers.md", workers.Request),
        ("workers.md", workers.Response),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_member(page: str, cls: type) -> None:
    assert missing(page, members(cls)) == []


def test_every_parameter_of_the_router() -> None:
    parameters = list(inspect.signature(workerkit.Router).parameters)

    assert missing("workerkit.md", parameters) == []


def test_every_limit_of_kv() -> None:
    limits = {
        value for name, value in vars(kvstore.limits).items() if name.startswith(("MAX_", "MIN_"))
    }
    _, _, after = prose(REFERENCE / "kv.md").partition("## Limits\n")
    table, _, _ = after.partition("## ")
    stated = {int(number) for number in re.findall(r"\b\d+\b", table)}

    assert limits - stated == set()


async def test_every_refusal_of_kv() -> None:
    engine = await kvstore.open_engine("memory", kvstore.EngineOptions(folder=Path()))
    kv = kvstore.KVNamespace(engine, "shop")
    await kv.put("text", "no JSON")
    for number in range(3):
        await kv.put(f"large {number}", b"x" * (kvstore.limits.MAX_VALUE_BYTES // 2))
    refused = [
        lambda: kv.get("k" * 513),
        lambda: kv.put("k", b"x" * (kvstore.limits.MAX_VALUE_BYTES + 1)),
        lambda: kv.put("k", "v", metadata="x" * 1025),
        lambda: kv.get("k", cacheTtl=29),
        lambda: kv.put("k", "v", expirationTtl=0),
        lambda: kv.put("k", "v", expirationTtl=59),
        lambda: kv.put("k", "v", expiration=1),
        lambda: kv.put("k", "v", expiration=int(time.time()) + 30),
        lambda: kv.list(limit=1001),
        lambda: kv.list(cursor="none of ours"),
        lambda: kv.get([]),
        lambda: kv.get(["k"] * 101),
        lambda: kv.get(["k"], "stream"),
        lambda: kv.get(["text"], "json"),
        lambda: kv.get(["large 0", "large 1", "large 2"]),
    ]
    stated = {
        (cells[1], reason)
        for cells in rows(REFERENCE / "kv.md")
        if len(cells) == 3
        for reason in _CODE.findall(cells[2])
    }

    said = set()
    for call in refused:
        with pytest.raises(kvstore.KVError) as raised:
            await call()
        _, _, reason = str(raised.value).partition(f"{raised.value.status} ")
        said.add(
            (
                str(raised.value.status),
                re.sub(r"((?:[Ll]ength|Invalid \w+) of) \d+", r"\1 N", reason),
            )
        )

    assert said == stated


def test_every_error_with_its_code() -> None:
    for package in (kvstore, runtime, workerkit, wrangler_compat):
        list(modules_of(package))
    roots = (
        kvstore.StoreError,
        runtime.plugins.HostError,
        workerkit.KitError,
        wrangler_compat.CompatError,
    )
    ours = tuple(root.__module__.partition(".")[0] for root in roots)
    errors = {
        error.__name__: error
        for root in roots
        for error in subclasses(root)
        if error.__module__.startswith(ours)
    }

    assert named_in_rows("errors.md", r"[A-Z]\w+") == errors.keys()
    for name, error in errors.items():
        assert row_of("errors.md", name)[1] == f"`{error.code}`", name


def test_every_dependency_has_its_line() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"] + setup["options.extras_require"]["examples"]
    wanted = {re.split(r"[<>=]", line)[0] for line in lines.split("\n") if line}
    page = ROOT / "docs" / "explanation" / "dependencies.md"
    listed = {name for cells in rows(page) for name in _CODE.findall(cells[0])}

    assert listed == wanted


# Links


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings have on GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


def test_every_page_can_be_found_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(index))
    }

    pages = set((ROOT / "docs").rglob("*.md")) - {index}
    assert {page.relative_to(ROOT).as_posix() for page in pages - linked} == set()
