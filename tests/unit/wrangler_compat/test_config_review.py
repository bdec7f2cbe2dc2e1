from typing import TYPE_CHECKING

import pytest

from wrangler_compat import Diagnostics, WorkerConfig, load_config, review_workers

if TYPE_CHECKING:
    from conftest import Project


def worker(
    project: "Project", name: str, more: str = "", *, env: str | None = None
) -> WorkerConfig:
    project.write(f"{name}/entry.py", "")
    text = f'name = "{name}"\nmain = "entry.py"\ncompatibility_flags = ["python_workers"]\n{more}'
    config, report = project.read(text, file=f"{name}/wrangler.toml", env=env)
    assert config is not None, report.render_errors()
    return config


def review(*configs: WorkerConfig) -> list[str]:
    report = Diagnostics()
    review_workers(configs, report)
    assert not report.has_errors
    return [str(message) for message in report.warnings]


def test_nothing_is_said_about_workers_that_get_along(project: "Project") -> None:
    front = worker(
        project,
        "front",
        'routes = ["a.example/*"]\n[vars]\nAPI_URL = "x"\n'
        '[[services]]\nbinding = "AUTH"\nservice = "auth"\n'
        '[[kv_namespaces]]\nbinding = "KV"\nid = "x"\n'
        '[[durable_objects.bindings]]\nname = "ROOM"\nclass_name = "Room"\n',
    )
    auth = worker(
        project, "auth", 'routes = ["b.example/*"]\n[[kv_namespaces]]\nbinding = "KV"\nid = "x"\n'
    )

    assert review(front, auth) == []


def test_variable_that_looks_like_a_secret_is_named_and_never_shown(project: "Project") -> None:
    config = worker(project, "w", '[vars]\nAPI_KEY = "hunter2"\n')

    assert review(config, config) == [
        'The variable "API_KEY" looks like a secret, and stands in the open.\n'
        "Remove it from the config, and put API_KEY=… into .dev.vars, which is kept out of version "
        "control. (w/wrangler.toml:5:1)"
    ]


def test_secret_within_a_variable_is_named_with_its_place(project: "Project") -> None:
    more = (
        '[vars]\nDB = { host = "x", password = "hunter2" }\n'
        '[env.x.vars]\nURL = "postgres://u:hunter2@db.example"\n'
    )
    configs = [worker(project, "w", more), worker(project, "w", more, env="x")]

    texts = review(*configs)

    assert [text.partition(" looks")[0] for text in texts] == [
        'The variable "DB.password"',
        'The variable "URL"',
    ]
    assert [text.rpartition(" ")[2] for text in texts] == [
        "(w/wrangler.toml:5:20)",
        "(w/wrangler.toml:7:1)",
    ]
    assert "hunter2" not in str(texts)


@pytest.mark.parametrize("line", ['TOKEN_URL = "x"', 'SECRET = ""', "API_KEY = 5", 'KEY = "x"'])
def test_other_variables_are_none_of_these(project: "Project", line: str) -> None:
    assert review(worker(project, "w", f"[vars]\n{line}\n")) == []


def test_secret_that_stands_in_no_config_is_fine(project: "Project") -> None:
    project.write(".dev.vars", "API_KEY=hunter2\n")
    path = project.write("wrangler.toml", 'name = "w"\nmain = "src/entry.py"\n')

    config, _ = load_config(path, environ={}, overrides={"AUTH_TOKEN": "x"})

    assert review(config) == []


def test_service_that_no_worker_provides_is_named(project: "Project") -> None:
    front = worker(project, "front", '[[services]]\nbinding = "AUTH"\nservice = "aut"\n')
    auth = worker(project, "auth")

    assert review(front, auth) == [
        '"AUTH" of worker "front" leads to a worker "aut", which does not exist here. '
        "There are: auth, front. (front/wrangler.toml:5:1)"
    ]


def test_nothing_is_said_of_services_where_workers_are_left_out(project: "Project") -> None:
    front = worker(project, "front", '[[services]]\nbinding = "AUTH"\nservice = "auth"\n')
    report = Diagnostics()

    review_workers([front], report, complete=False)

    assert not report.has_warnings


def test_service_is_found_by_its_name_without_environment(project: "Project") -> None:
    front = worker(project, "front", '[[services]]\nbinding = "AUTH"\nservice = "auth"\n')
    auth = worker(project, "auth", "[env.x]\n", env="x")

    assert auth.name == "auth-x"
    assert review(front, auth) == []


def test_class_in_a_worker_that_does_not_exist_is_named(project: "Project") -> None:
    config = worker(
        project,
        "w",
        '[[durable_objects.bindings]]\nname = "ROOM"\nclass_name = "R"\nscript_name = "rooms"\n',
    )

    assert ['leads to a worker "rooms"' in text for text in review(config)] == [True]


def test_route_that_two_workers_claim_is_named(project: "Project") -> None:
    first = worker(project, "a", 'routes = ["example.com/*", "example.com/a"]\n')
    second = worker(project, "b", 'routes = ["https://EXAMPLE.com/*", "*example.com/*"]\n')

    assert review(first, second) == [
        'Two workers claim the route "https://EXAMPLE.com/*": "a" (a/wrangler.toml:4:11) and "b". '
        "Requests go to one of them only. (b/wrangler.toml:4:11)"
    ]


def test_environment_that_inherits_a_route_contests_it(project: "Project") -> None:
    more = 'routes = ["example.com/*"]\n[env.x]\n'

    texts = review(worker(project, "w", more), worker(project, "w", more, env="x"))

    assert ['"w" (w/wrangler.toml:4:11) and "w-x"' in text for text in texts] == [True]


def test_custom_domain_contests_the_route_of_its_whole_host(project: "Project") -> None:
    first = worker(project, "a", 'routes = ["example.com/*"]\n')
    second = worker(project, "b", 'routes = [{ pattern = "example.com", custom_domain = true }]\n')

    texts = review(first, second)

    assert ['"a" (a/wrangler.toml:4:11) and "b"' in text for text in texts] == [True]


def test_environments_that_inherit_a_contested_route_are_not_named_too(project: "Project") -> None:
    more = 'routes = ["example.com/*"]\n[env.x]\n'
    first = worker(project, "a", 'routes = ["example.com/*"]\n')
    others = [worker(project, "b", more), worker(project, "b", more, env="x")]

    assert ['and "b"' in text for text in review(first, *others)] == [True]


def test_namespace_that_two_environments_share_is_named(project: "Project") -> None:
    more = (
        '[[kv_namespaces]]\nbinding = "KV"\nid = "one"\n'
        '[[env.x.kv_namespaces]]\nbinding = "KV"\nid = "one"\n'
        '[[env.y.kv_namespaces]]\nbinding = "KV"\nid = "one"\n'
        '[[env.z.kv_namespaces]]\nbinding = "KV"\nid = "two"\n'
    )
    configs = [worker(project, "w", more, env=env) for env in (None, "x", "y", "z")]

    assert review(*configs) == [
        'The top level and "env.x" share the kv_namespace "one" ("KV", w/wrangler.toml:5:1): what '
        "one writes, the other reads. (w/wrangler.toml:8:1)",
        'The top level and "env.y" share the kv_namespace "one" ("KV", w/wrangler.toml:5:1): what '
        "one writes, the other reads. (w/wrangler.toml:11:1)",
    ]


def test_file_that_is_read_twice_shares_nothing_with_itself(project: "Project") -> None:
    more = '[[kv_namespaces]]\nbinding = "KV"\nid = "one"\n'

    assert review(worker(project, "w", more), worker(project, "w", more, env="undefined")) == []
