"""All environments of a file in one report."""

from typing import TYPE_CHECKING

from wrangler_compat import check_config

if TYPE_CHECKING:
    from conftest import Project

ENVIRONMENTS = """\
name = "w"
main = "src/entry.py"
compatibility_flags = ["python_workers"]
unknown = 1
[vars]
A = 1
[env.x]
logpush = "yes"
[env.y]
workers_dev = 5
[env.z.vars]
A = 2
"""


def test_every_environment_is_read_and_nothing_is_told_twice(project: "Project") -> None:
    path = project.write("wrangler.toml", ENVIRONMENTS)

    configs, report = check_config(path, environ={})

    assert [config.target_environment for config in configs] == [None, "x", "y", "z"]
    assert report.render() == (
        "Processing wrangler.toml configuration:\n"
        '  - Unexpected fields found in top-level field: "unknown" (wrangler.toml:4:1)\n'
        '  - "env.x" environment configuration\n'
        '      - "vars" exists at the top level, but not on "env.x".\n'
        '        This is not what you probably want, since "vars" is not inherited by '
        "environments.\n"
        '        Please add "vars" to "env.x". (wrangler.toml:5:2)\n'
        '  - "env.y" environment configuration\n'
        '      - "vars" exists at the top level, but not on "env.y".\n'
        '        This is not what you probably want, since "vars" is not inherited by '
        "environments.\n"
        '        Please add "vars" to "env.y". (wrangler.toml:5:2)\n'
        "\n"
        "Processing wrangler.toml configuration:\n"
        '  - "env.x" environment configuration\n'
        '      - Expected "env.x.logpush" to be of type boolean but got "yes". '
        "(wrangler.toml:8:1)\n"
        '  - "env.y" environment configuration\n'
        '      - Expected "env.y.workers_dev" to be of type boolean but got 5. '
        "(wrangler.toml:10:1)"
    )


def test_one_environment_can_be_asked_for(project: "Project") -> None:
    path = project.write("wrangler.toml", ENVIRONMENTS)

    configs, report = check_config(path, env="z", environ={})

    assert [config.name for config in configs] == ["w-z"]
    assert not report.has_errors


def test_folder_is_checked_by_its_config_file(project: "Project") -> None:
    project.write("wrangler.toml", ENVIRONMENTS)

    configs, _ = check_config(project.folder, environ={})

    assert len(configs) == 4


def test_file_that_cannot_be_read_is_told_once(project: "Project") -> None:
    broken = project.write("wrangler.toml", "x = \n")

    for path in (broken, project.folder / "none.toml", project.folder / "src"):
        configs, report = check_config(path, environ={})

        assert configs == []
        assert len(report.errors) == 1


def test_environments_that_are_none_leave_the_top_level(project: "Project") -> None:
    path = project.write("wrangler.json", '{"name": "w", "main": "src/entry.py", "env": 5}')

    configs, report = check_config(path, environ={})

    assert [config.target_environment for config in configs] == [None]
    assert [message.text for message in report.errors] == [
        'The field "env" should be an object but got 5.'
    ]


def test_local_secrets_are_checked_too(project: "Project") -> None:
    project.write(".dev.vars", "broken hunter2\n")
    path = project.write(
        "wrangler.toml",
        'name = "w"\nmain = "src/entry.py"\ncompatibility_flags = ["python_workers"]\n'
        'secrets = { required = ["A"] }\n',
    )

    _, report = check_config(path, environ={})

    assert [str(message.position) for message in report.warnings] == [
        ".dev.vars:1:1",
        "wrangler.toml:4:25",
    ]
    assert "hunter2" not in report.render()


def test_environment_without_a_name_cannot_be_asked_for(project: "Project") -> None:
    path = project.write("wrangler.json", '{"name": "w", "main": "src/entry.py", "env": {"": {}}}')

    configs, _ = check_config(path, environ={})

    assert [config.target_environment for config in configs] == [None]


def test_what_environments_inherit_is_told_once(project: "Project") -> None:
    bad = project.write("wrangler.toml", 'name = "Bad Name"\nmain = "src/entry.py"\n[env.x]\n')
    bare = project.write("bare.toml", "[env.x]\n[env.y]\n")

    _, report = check_config(bad, environ={})
    _, bare_report = check_config(bare, environ={})

    assert [str(message.position) for message in report.errors] == ["wrangler.toml:1:1"]
    assert [str(message.position) for message in report.warnings] == ["wrangler.toml:1:1"]
    assert [message.text.partition(":")[0] for message in bare_report.errors] == [
        'Missing "name"',
        'Missing "main"',
    ]


def test_what_is_right_in_a_config_with_errors_is_returned(project: "Project") -> None:
    path = project.write(
        "wrangler.toml",
        'name = "w"\nlogpush = "yes"\nroutes = ["x.example/*", "*bad*"]\n'
        '[vars]\nA = "1"\nDAY = 2025-01-01\n[[kv_namespaces]]\nbinding = "KV"\nid = "1"\n'
        '[[kv_namespaces]]\nbinding = 5\n[[custom]]\nbinding = "C"\n[env.x]\n',
    )

    configs, report = check_config(path, environ={}, plugin_keys={"custom": "custom_kind"})

    assert report.has_errors
    assert [(config.name, config.top_level_name) for config in configs] == [
        ("w", "w"),
        ("w-x", "w"),
    ]
    assert configs[0].folder == project.folder
    assert configs[0].defined_environments == ("x",)
    assert [route.pattern.text for route in configs[0].routes] == ["x.example/*"]
    assert [(one.name, one.type) for one in configs[0].bindings] == [
        ("A", "plain_text"),
        ("KV", "kv_namespace"),
        ("C", "custom_kind"),
    ]
    assert configs[0].positions["vars", "A"].line == 5


def test_faults_of_a_config_with_errors_are_told_once(project: "Project") -> None:
    path = project.write("wrangler.toml", 'name = "w"\nmain = "src/entry.py"\nlogpush = "yes"\n')

    _, report = check_config(path, environ={})

    assert len(report.errors) == 1
    assert len(report.warnings) == 1  # the flag python_workers


def test_config_without_a_name_gives_none(project: "Project") -> None:
    path = project.write("wrangler.toml", 'main = "src/entry.py"\n')

    assert check_config(path, environ={})[0] == []
