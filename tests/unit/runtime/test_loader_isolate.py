import importlib
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from runtime._loader.isolate import (
    Isolate,
    install_import_system,
    isolate_of_frame,
    worker_of_module,
)

_current: list[Isolate | None] = [None]


@pytest.fixture(autouse=True)
def import_system() -> Iterator[None]:
    uninstall = install_import_system(lambda: _current[0])
    yield
    _current[0] = None
    uninstall()


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def load(tmp_path: Path, files: dict[str, str], name: str = "demo") -> ModuleType:
    return Isolate(name, [make(tmp_path, files)]).import_module("entry")


def test_two_workers_have_each_their_own_module_of_one_name(tmp_path: Path) -> None:
    first = load(tmp_path / "a", {"entry.py": "import utils", "utils.py": "who = 'a'"})
    second = load(tmp_path / "b", {"entry.py": "import utils", "utils.py": "who = 'b'"})

    assert (first.utils.who, second.utils.who) == ("a", "b")
    assert "utils" not in sys.modules


def test_two_versions_of_one_worker_live_at_once(tmp_path: Path) -> None:
    make(tmp_path, {"entry.py": "value = 1"})
    old = Isolate("demo", [tmp_path]).import_module("entry")
    make(tmp_path, {"entry.py": "value = 2"})
    new = Isolate("demo", [tmp_path]).import_module("entry")

    assert (old.value, new.value) == (1, 2)


def test_every_form_of_import_statement_finds_local_modules(tmp_path: Path) -> None:
    module = load(
        tmp_path,
        {
            "entry.py": (
                "import shop.stock\n"
                "import shop.stock as stock\n"
                "from shop import stock as again\n"
                "from shop.stock import count\n"
                "from shop.relative import count as by_relative\n"
                "import os.path\n"
                "def late():\n    import shop.lazy\n    return shop.lazy.value\n"
            ),
            "shop/__init__.py": "",
            "shop/stock.py": "count = 7",
            "shop/relative.py": "from . import stock\nfrom .stock import count",
            "shop/lazy.py": "value = 'late'",
        },
    )

    assert module.shop.stock is module.stock is module.again
    assert (module.count, module.by_relative, module.late()) == (7, 7, "late")
    assert module.os.path is __import__("os").path


def test_a_local_module_shadows_an_installed_one_for_the_worker_alone(tmp_path: Path) -> None:
    module = load(tmp_path, {"entry.py": "import secrets", "secrets.py": "mine = True"})

    assert module.secrets.mine
    assert not hasattr(importlib.import_module("secrets"), "mine")


def test_a_folder_without_init_is_a_package_only_where_no_real_one_has_its_name(
    tmp_path: Path,
) -> None:
    module = load(
        tmp_path,
        {
            "entry.py": "import json\nfrom parts import one",
            "json/readme.txt": "",
            "parts/one.py": "value = 1",
        },
    )

    assert module.json is importlib.import_module("json")
    assert module.one.value == 1


def test_dataclasses_pickle_and_type_hints_work_under_the_private_name(tmp_path: Path) -> None:
    module = load(
        tmp_path,
        {
            "entry.py": (
                "import dataclasses, typing\n"
                "@dataclasses.dataclass\n"
                "class Point:\n    x: 'int'\n"
                "hints = typing.get_type_hints(Point)\n"
            )
        },
    )

    copy = pickle.loads(pickle.dumps(module.Point(x=3)))

    assert copy == module.Point(x=3)
    assert module.hints == {"x": int}


def test_import_module_from_shared_code_is_answered_for_the_current_worker(
    tmp_path: Path,
) -> None:
    isolate = Isolate("demo", [make(tmp_path, {"plugin_of_worker.py": "value = 5"})])
    _current[0] = isolate

    module = importlib.import_module("plugin_of_worker")

    assert module.value == 5
    assert importlib.import_module("json") is sys.modules["json"]


def test_import_module_outside_a_worker_does_not_see_its_modules(tmp_path: Path) -> None:
    Isolate("demo", [make(tmp_path, {"plugin_of_worker.py": "value = 5"})])

    with pytest.raises(ModuleNotFoundError, match="plugin_of_worker"):
        importlib.import_module("plugin_of_worker")


def test_a_missing_module_is_named_as_the_author_wrote_it(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'shop\.missing'$") as caught:
        load(tmp_path, {"entry.py": "import shop.missing", "shop/__init__.py": ""})

    assert caught.value.name == "shop.missing"


def test_a_missing_name_in_a_relative_import_is_named_without_the_private_package(
    tmp_path: Path,
) -> None:
    with pytest.raises(ImportError, match=r"cannot import name 'nothing' from 'shop'"):
        load(
            tmp_path,
            {"entry.py": "from shop import nothing", "shop/__init__.py": "x = 1"},
        )


def test_workers_is_always_the_runtimes_own(tmp_path: Path) -> None:
    module = load(
        tmp_path,
        {"entry.py": "import workers", "workers/__init__.py": "raise RuntimeError('theirs')"},
    )

    assert module.workers is importlib.import_module("workers")


def test_asgi_is_the_runtimes_own_unless_the_worker_has_such_a_module(tmp_path: Path) -> None:
    ours = load(
        tmp_path / "a", {"entry.py": "import asgi", "python_modules/asgi.py": "theirs = True"}
    )
    mine = load(tmp_path / "b", {"entry.py": "import asgi", "asgi.py": "mine = True"})

    assert ours.asgi is importlib.import_module("workers.asgi")
    assert mine.asgi.mine


def test_shims_are_seen_by_worker_code_alone(tmp_path: Path) -> None:
    module = load(tmp_path, {"entry.py": "import js\nimport pyodide.ffi\nfrom js import Response"})

    assert module.pyodide.ffi.to_js(5) == 5
    assert module.js.Response is module.Response
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("js")


def test_an_unknown_part_of_pyodide_is_an_import_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"pyodide\.webloop has no native equivalent here"):
        load(tmp_path, {"entry.py": "import pyodide.webloop"})


def test_two_quick_saves_of_equal_length_run_the_newer_source(tmp_path: Path) -> None:
    values = []
    for value in (1, 2, 3):
        make(tmp_path, {"entry.py": "import part", "part.py": f"value = {value}"})
        values.append(Isolate("demo", [tmp_path]).import_module("entry").part.value)

    assert values == [1, 2, 3]
    assert not (tmp_path / "__pycache__").exists()


def test_close_forgets_the_modules_and_leaves_running_code_alone(tmp_path: Path) -> None:
    isolate = Isolate("demo", [make(tmp_path, {"entry.py": "def f():\n    return 1"})])
    module = isolate.import_module("entry")
    name = module.__name__

    isolate.close()

    assert name not in sys.modules
    assert worker_of_module(name) is None
    assert module.f() == 1


def test_a_closed_set_is_back_for_the_length_of_an_import(tmp_path: Path) -> None:
    files = {
        "entry.py": (
            "import importlib\nimport part\n"
            "def late():\n    import lazy\n    return lazy\n"
            "def by_name():\n    return importlib.import_module('lazy')\n"
            "def again():\n    from part import value\n    import part\n    return part\n"
            "def missing():\n    import nothing\n"
            "def relative():\n    from . import part\n    return part\n"
        ),
        "part.py": "value = 1",
        "lazy.py": "import part\nimport deeper",
        "deeper.py": "import part",
    }
    isolate = Isolate("demo", [make(tmp_path, files)])
    module = isolate.import_module("entry")
    _current[0] = isolate
    isolate.close()
    isolate.close()

    lazy = module.late()

    assert module.by_name() is lazy
    assert module.again() is module.relative() is lazy.part is lazy.deeper.part is module.part
    with pytest.raises(ModuleNotFoundError, match="^No module named 'nothing'$"):
        module.missing()
    assert [name for name in sys.modules if name.startswith(isolate.package)] == []


def test_closed_sets_import_in_several_threads_at_once(tmp_path: Path) -> None:
    names = [f"part{number}" for number in range(20)]
    files = {f"{name}.py": "import shared\nvalue = shared.value" for name in names}
    files |= {"shared.py": "value = 7", "entry.py": "def late(name):\n    return __import__(name)"}
    isolate = Isolate("demo", [make(tmp_path, files)])
    module = isolate.import_module("entry")
    isolate.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(module.late, names * 5))

    assert {part.value for part in found} == {7}
    assert len({id(part) for part in found}) == len(names)


def test_code_tells_its_isolate_also_after_it_was_closed(tmp_path: Path) -> None:
    files = {"entry.py": "import sys\ndef frame():\n    return sys._getframe()"}
    isolate = Isolate("demo", [make(tmp_path, files)])
    module = isolate.import_module("entry")
    isolate.close()

    assert isolate_of_frame(module.frame()) is isolate
    assert isolate_of_frame(sys._getframe()) is None


def test_import_systems_can_be_installed_one_over_the_other(tmp_path: Path) -> None:
    before = importlib.import_module
    first = Isolate("demo", [make(tmp_path, {"inner_of_test.py": "value = 3"})])
    uninstall = install_import_system(lambda: first)

    value = importlib.import_module("inner_of_test").value
    relative = importlib.import_module(".path", "os")
    uninstall()

    assert value == 3
    assert relative is sys.modules["os.path"]
    assert importlib.import_module is before


def test_shims_answer_import_module_inside_a_worker(tmp_path: Path) -> None:
    _current[0] = Isolate("demo", [tmp_path])

    assert importlib.import_module("pyodide.ffi").to_js(1) == 1


def test_a_private_module_name_tells_its_worker(tmp_path: Path) -> None:
    module = load(tmp_path, {"entry.py": ""}, name="customer-api")

    assert worker_of_module(module.__name__) == "customer-api"
    assert worker_of_module("json") is None
    assert worker_of_module(None) is None


def test_vendored_packages_use_bytecode_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    make(tmp_path, {"python_modules/vendored.py": "value = 1"})

    Isolate("demo", [tmp_path / "python_modules"]).import_module("vendored")

    assert list((tmp_path / "python_modules" / "__pycache__").glob("vendored.*.pyc"))
