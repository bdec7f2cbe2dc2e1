"""What the distribution holds, against the tree and against what is installed."""

import configparser
import importlib
import re
from importlib import metadata, resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIT = ROOT / "workers" / "kit" / "src"


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(section: str, key: str) -> list[str]:
    return [line for line in setup_cfg()[section][key].splitlines() if line]


def packages_in(folder: Path, base: Path) -> set[str]:
    return {
        ".".join(init.parent.relative_to(base).parts)
        for init in folder.rglob("__init__.py")
        if "examples" not in init.parts
    }


def test_every_package_of_the_tree_is_in_the_distribution() -> None:
    tree = {"workers"} | packages_in(KIT / "workerkit", KIT)
    for name in ("kvstore", "runtime", "wrangler_compat"):
        tree |= packages_in(ROOT / name, ROOT)

    assert lines("options", "packages") == sorted(tree)


def test_every_file_of_a_template_is_in_the_distribution() -> None:
    package = ROOT / "runtime" / "_cli"
    template = package / "templates" / "worker"
    tree = {
        path.relative_to(template).as_posix()
        for path in template.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    globs = re.split(r",\s*", setup_cfg()["options.package_data"]["runtime._cli"])
    covered = {path for glob in globs for path in package.glob(glob) if path.is_file()}
    # Where the tests run against the wheel, this is what it holds.
    installed = resources.files("runtime._cli") / "templates" / "worker"

    assert {path.relative_to(template).as_posix() for path in covered} == tree
    assert [name for name in sorted(tree) if not (installed / name).is_file()] == []


def test_every_requirement_has_a_range_and_an_exact_version_in_the_constraints() -> None:
    pinned = {
        re.split(r"==", line)[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    wanted = lines("options", "install_requires") + lines("options.extras_require", "examples")

    for requirement in wanted:
        assert re.match(r"[\w.-]+>=[\d.]+,<[\d.]+(;|$)", requirement.strip()), requirement
        assert re.split(r"[<>=]", requirement)[0].lower() in pinned, requirement


@pytest.mark.parametrize(
    "facade", ["kvstore", "runtime.plugins", "workerkit", "workers", "wrangler_compat"]
)
def test_every_public_name_of_a_facade_can_be_imported(facade: str) -> None:
    module = importlib.import_module(facade)

    assert list(module.__all__) == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_version_stands_once_and_the_command_is_installed() -> None:
    version = setup_cfg()["metadata"]["version"]
    scripts = metadata.entry_points(group="console_scripts", name="runtime")

    assert metadata.version("edgestead") == version
    assert {script.value for script in scripts} == {"runtime._cli:main"}
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text().replace("[", "").replace("]", "")


def test_no_file_of_the_tree_is_a_secret() -> None:
    tracked = {path.name for path in (ROOT / "workers").rglob(".dev.vars")}

    assert ".dev.vars" in (ROOT / ".gitignore").read_text().splitlines()
    assert tracked <= {".dev.vars"}
