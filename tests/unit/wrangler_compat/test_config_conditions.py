from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project

REST = 'main = "src/entry.py"\ncompatibility_flags = ["python_workers"]\n'


def errors_of(project: "Project", text: str) -> list[str]:
    return [str(message) for message in project.read(text)[1].errors]


@pytest.mark.parametrize(
    "date", ["2025-1-1", "2025-02-30", "yesterday", "", "20250101", "２０２５-01-01", "2025–01–01"]
)
def test_invalid_compatibility_date_is_an_error(project: "Project", date: str) -> None:
    assert errors_of(project, f'name = "w"\ncompatibility_date = "{date}"\n{REST}') == [
        '"compatibility_date" field should be a valid ISO-8601 date (YYYY-MM-DD), '
        f'but got "{date}". (wrangler.toml:2:1)'
    ]


@pytest.mark.parametrize(
    ("date", "warnings"),
    [
        ("2025-06-01", []),
        (
            "2025-06-02",
            [
                'The compatibility_date "2025-06-02" lies in the future: today is 2025-06-01. '
                "(wrangler.toml:2:1)"
            ],
        ),
    ],
)
def test_future_compatibility_date_is_a_warning(
    project: "Project", date: str, warnings: list[str]
) -> None:
    config, report = project.read(f'name = "w"\ncompatibility_date = "{date}"\n{REST}')

    assert config is not None
    assert [str(message) for message in report.warnings] == warnings


def test_missing_python_flag_is_a_warning(project: "Project") -> None:
    config, report = project.read('name = "w"\nmain = "src/entry.py"\n')

    assert config is not None
    assert [str(message) for message in report.warnings] == [
        "The `python_workers` compatibility flag is required to use Python: without it a deploy by "
        "wrangler fails. Add it to compatibility_flags. (wrangler.toml:1:1)"
    ]


def test_other_languages_need_no_python_flag(project: "Project") -> None:
    project.write("src/index.js", "")

    config, report = project.read('name = "w"\nmain = "src/index.js"\n')

    assert config is not None
    assert config.settings["rules"] == []
    assert str(report) == ""


def test_service_environments_are_reported_as_gone(project: "Project") -> None:
    assert project.warnings("legacy_env = true\n") == []
    assert project.warnings("legacy_env = false\n") == [
        'Service environments ("legacy_env = false") are no more: each environment is a worker of '
        'its own, called by name and environment. Remove "legacy_env". (wrangler.toml:5:1)'
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("placement = {}", '"placement.mode" is a required field.'),
        ('placement = { hint = "eu" }', '"placement.mode" is a required field.'),
        (
            "observability = { head_sampling_rate = 1 }",
            '"observability.enabled" or "observability.logs.enabled" or '
            '"observability.traces.enabled" or "observability.issues.enabled" is required.',
        ),
        (
            "observability = { enabled = true, traces = { head_sampling_rate = 1.5 } }",
            '"observability.traces.head_sampling_rate" must be a value between 0 and 1.',
        ),
        ("define = { A = 1 }", 'Expected "define.A" to be of type string but got 1.'),
    ],
)
def test_condition_that_is_not_met_is_an_error(project: "Project", more: str, message: str) -> None:
    (error,) = project.errors(f"{more}\n")

    assert error.startswith(f"{message} (wrangler.toml:5:")


@pytest.mark.parametrize(
    "more",
    [
        'placement = { mode = "smart" }',
        'placement = { region = "aws:eu-west-1" }',
        "observability = { enabled = false }",
        "observability = { logs = { enabled = true, head_sampling_rate = 0 } }",
        "observability = { issues = { enabled = true } }",
        'define = { A = "1" }',
    ],
)
def test_condition_that_is_met_is_no_error(project: "Project", more: str) -> None:
    assert project.errors(f"{more}\n") == []


def test_top_level_is_checked_where_an_environment_overrides_it(project: "Project") -> None:
    more = (
        "placement = {}\nroutes = ['a*b.c/']\ntriggers = { crons = ['x'] }\n"
        "[env.x]\nplacement = { mode = 'off' }\nroutes = []\ntriggers = { crons = [] }\n"
    )

    _, report = project.read(f'name = "w"\n{REST}{more}', env="x")

    assert [str(message.position) for message in report.errors] == [
        "wrangler.toml:4:1",
        "wrangler.toml:5:11",
        "wrangler.toml:6:23",
    ]


def test_inherited_key_is_checked_once(project: "Project") -> None:
    more = "placement = {}\nroutes = ['a*b.c/']\ntriggers = { crons = ['x'] }\n[env.x]\n"

    assert len(project.errors(more, env="x")) == 3
