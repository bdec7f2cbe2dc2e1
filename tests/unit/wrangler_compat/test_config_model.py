"""The typed configuration: its groups of keys, and that it never changes."""

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from wrangler_compat import (
    Assets,
    Build,
    DevSettings,
    Limits,
    Logs,
    Migration,
    ModuleRule,
    Observability,
    Placement,
    PythonModules,
    RenamedClass,
    Traces,
    TransferredClass,
    WorkerConfig,
)

if TYPE_CHECKING:
    from conftest import Project


def test_what_a_file_does_not_say_has_its_default(project: "Project") -> None:
    config = project.config()

    assert config.build == Build(watch_dir=("./src",))
    assert config.python_modules == PythonModules(exclude=("**/*.pyc",))
    assert config.rules == (ModuleRule(type="PythonModule", globs=("**/*.py",)),)
    assert (config.dev, config.limits) == (DevSettings(), Limits())
    assert (config.assets, config.observability, config.placement) == (None, None, None)
    assert config.migrations == ()
    assert (config.keep_vars, config.logpush, config.send_metrics) == (None, None, None)


@pytest.mark.parametrize(
    ("more", "field", "expected"),
    [
        ("keep_vars = true", "keep_vars", True),
        ("logpush = false", "logpush", False),
        ("send_metrics = false", "send_metrics", False),
        ("find_additional_modules = true", "find_additional_modules", True),
        (
            'build = { command = "make", watch_dir = "src" }',
            "build",
            Build(command="make", watch_dir=("src",)),
        ),
        ('build = { watch_dir = ["a", "b"], cwd = "c" }', "build.watch_dir", ("a", "b")),
        ('python_modules = { exclude = ["x"] }', "python_modules.exclude", ("x",)),
        (
            'rules = [{ type = "Text", globs = ["*.txt"], fallthrough = true }]',
            "rules",
            (
                ModuleRule(type="Text", globs=("*.txt",), fallthrough=True),
                ModuleRule(type="PythonModule", globs=("**/*.py",)),
            ),
        ),
        (
            'assets = { directory = "public", run_worker_first = ["/api/*"] }',
            "assets",
            Assets(directory="public", run_worker_first=("/api/*",)),
        ),
        ("assets = { run_worker_first = true }", "assets.run_worker_first", True),
        ('placement = { mode = "smart" }', "placement", Placement(mode="smart")),
        (
            "[observability]\nenabled = true\nhead_sampling_rate = 1\n"
            "[observability.logs]\ninvocation_logs = false\n"
            '[observability.traces]\ndestinations = ["x"]',
            "observability",
            Observability(
                enabled=True,
                head_sampling_rate=1.0,
                logs=Logs(invocation_logs=False),
                traces=Traces(destinations=("x",)),
            ),
        ),
        (
            '[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["A"]\n'
            'renamed_classes = [{ from = "B", to = "C" }]\n'
            'transferred_classes = [{ from = "D", from_script = "w", to = "E" }]',
            "migrations",
            (
                Migration(
                    tag="v1",
                    new_sqlite_classes=("A",),
                    renamed_classes=(RenamedClass.model_validate({"from": "B", "to": "C"}),),
                    transferred_classes=(
                        TransferredClass.model_validate(
                            {"from": "D", "from_script": "w", "to": "E"}
                        ),
                    ),
                ),
            ),
        ),
    ],
)
def test_section_is_a_typed_part(
    project: "Project", more: str, field: str, expected: object
) -> None:
    value: Any = project.config(f"{more}\n")
    for name in field.split("."):
        value = getattr(value, name)

    assert value == expected


def test_unknown_field_of_a_section_is_left_out_of_its_part(project: "Project") -> None:
    config = project.config('placement = { mode = "smart", speed = 5 }\n')

    assert config.placement == Placement(mode="smart")
    assert config.settings["placement"] == {"mode": "smart", "speed": 5}


def test_configuration_never_changes_and_a_copy_can_differ(project: "Project") -> None:
    config = project.config()

    copy = config.model_copy(update={"name": "other"})

    assert (config.name, copy.name) == ("my-worker", "other")
    assert copy.settings is config.settings
    with pytest.raises(ValidationError):
        config.name = "x"  # type: ignore[misc]  # what is tested


def test_field_that_there_is_not_is_refused(project: "Project") -> None:
    fields = dict(project.config())

    with pytest.raises(ValidationError):
        WorkerConfig(**fields, nmae="x")
