"""Where worker code failed, in words that its author knows."""

import sys
from pathlib import Path
from types import FrameType

import pytest

from runtime._loader.isolate import Isolate
from runtime._loader.load import (
    loading_errors,
    open_isolate,
    place_in,
    place_on_stack,
    worker_traceback,
)
from runtime.errors import WorkerLoadError


def run(path: Path, source: str) -> dict[str, object]:
    path.write_text(source)
    scope: dict[str, object] = {}
    exec(compile(source, str(path), "exec"), scope)
    return scope


def raised(function: object, *args: object) -> BaseException:
    assert callable(function)
    with pytest.raises(BaseException) as caught:
        function(*args)
    return caught.value


def test_the_innermost_place_in_the_workers_code_counts(tmp_path: Path) -> None:
    scope = run(tmp_path / "entry.py", "import json\ndef f(x):\n    return json.loads(x)\n")

    error = raised(scope["f"], "[")

    assert place_in(error.__traceback__, [str(tmp_path)]) == (str(tmp_path / "entry.py"), 3)
    assert place_in(error.__traceback__, ["/nowhere"]) == (None, None)
    assert place_in(error.__traceback__, []) == (None, None)
    assert place_in(None, [str(tmp_path)]) == (None, None)


def test_a_folder_is_not_taken_for_one_whose_name_it_begins_with(tmp_path: Path) -> None:
    (tmp_path / "shop-old").mkdir()
    scope = run(tmp_path / "shop-old" / "entry.py", "def f():\n    1 / 0\n")

    error = raised(scope["f"])

    assert place_in(error.__traceback__, [str(tmp_path / "shop")]) == (None, None)


def test_a_traceback_begins_with_the_workers_first_frame(tmp_path: Path) -> None:
    scope = run(tmp_path / "entry.py", "def f():\n    return g()\ndef g():\n    1 / 0\n")

    error = raised(scope["f"])
    text = worker_traceback(error, [str(tmp_path)])

    assert text.count('entry.py", line') == 2
    assert __file__ not in text
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert __file__ in worker_traceback(error, [])


def test_the_place_of_code_that_runs(tmp_path: Path) -> None:
    seen: list[FrameType] = []

    def look() -> None:
        seen.append(sys._getframe())
        found.append(place_on_stack(seen[0], [str(tmp_path)]))

    found: list[object] = []
    scope = run(tmp_path / "entry.py", "def f(look):\n    x = 1\n    look()\n")
    scope["f"](look)  # type: ignore[operator]

    assert found == [(str(tmp_path / "entry.py"), 3)]
    assert place_on_stack(seen[0], ["/nowhere"]) == (None, None)
    assert place_on_stack(None, [str(tmp_path)]) == (None, None)


def test_a_load_error_passes_as_it_is(tmp_path: Path) -> None:
    mine = WorkerLoadError("demo", "mine")

    with pytest.raises(WorkerLoadError) as caught, loading_errors(Isolate("demo", []), tmp_path):
        raise mine

    assert caught.value is mine


def test_an_exception_without_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkerLoadError) as caught, loading_errors(Isolate("demo", []), tmp_path):
        raise ValueError

    assert str(caught.value) == 'worker "demo" cannot be loaded: ValueError'


def test_a_place_without_a_line_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(WorkerLoadError) as caught:
        open_isolate("demo", tmp_path / "entry.py", tmp_path)

    assert str(caught.value) == (
        f'worker "demo" cannot be loaded: its main module does not exist ({tmp_path / "entry.py"})'
    )
