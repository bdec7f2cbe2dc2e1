from typing import TYPE_CHECKING

import pytest

from wrangler_compat import Position, Route, Trigger, parse_route_pattern

if TYPE_CHECKING:
    from conftest import Project

SHAPE = "{ pattern, custom_domain, zone_id | zone_name, enabled, previews_enabled }"


def patterns(routes: tuple[Route, ...]) -> list[str]:
    return [route.pattern.text for route in routes]


def test_routes_are_texts_or_tables(project: "Project") -> None:
    config = project.config(
        "routes = [\n"
        '  "example.com/*",\n'
        '  { pattern = "*.example.com/a*", zone_name = "example.com" },\n'
        '  { pattern = "https://example.org/", zone_id = "abc" },\n'
        '  { pattern = "shop.example.com", custom_domain = true, enabled = true },\n'
        '  { pattern = "plain.example.com/*", custom_domain = false },\n'
        "]\n"
    )

    assert config.routes == (
        Route(
            pattern=parse_route_pattern("example.com/*"),
            position=Position("wrangler.toml", 6, 3),
        ),
        Route(
            pattern=parse_route_pattern("*.example.com/a*"),
            zone_name="example.com",
            position=Position("wrangler.toml", 7, 3),
        ),
        Route(
            pattern=parse_route_pattern("https://example.org/"),
            zone_id="abc",
            position=Position("wrangler.toml", 8, 3),
        ),
        Route(
            pattern=parse_route_pattern("shop.example.com", custom_domain=True),
            custom_domain=True,
            position=Position("wrangler.toml", 9, 3),
        ),
        Route(
            pattern=parse_route_pattern("plain.example.com/*"),
            position=Position("wrangler.toml", 10, 3),
        ),
    )


@pytest.mark.parametrize(
    "more", ['route = "example.com/*"\n', 'route = { pattern = "example.com/*", zone_id = "a" }\n']
)
def test_single_route_is_one_of_the_routes(project: "Project", more: str) -> None:
    assert patterns(project.config(more).routes) == ["example.com/*"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("5", 'A route has a "pattern".'),
        ('{ zone_id = "a" }', 'A route has a "pattern".'),
        ('{ pattern = "example.com/*" }', 'It does not say its zone: add "zone_name", or '
         '"custom_domain" for a whole host.'),
        ('{ pattern = 5, zone_id = "a" }', '"pattern" should be of type string.'),
        ('{ pattern = "a.b/*", zone_name = 1 }', '"zone_name" should be of type string.'),
        ('{ pattern = "a.b", custom_domain = 1 }', '"custom_domain" should be of type boolean.'),
        ('{ pattern = "a.b/*", zone = "b" }', '"zone" is no field of a route.'),
        ('{ pattern = "a.b/*", zone_id = "1", zone_name = "b" }',
         'Give one of "zone_id" and "zone_name".'),
        ('{ pattern = "a.b/*", zone_id = "1", enabled = true }',
         '"enabled" and "previews_enabled" are for custom domains only.'),
    ],
)  # fmt: skip
def test_route_of_another_shape_is_an_error(project: "Project", value: str, fault: str) -> None:
    (error,) = project.errors(f"routes = [{value}]\n")

    assert error.startswith(
        f'Expected "routes[0]" to be either a string, or an object with shape {SHAPE}'
    )
    assert error.endswith(f"\n{fault} (wrangler.toml:5:11)")  # fmt: skip


@pytest.mark.parametrize(
    ("more", "start"),
    [
        ('routes = ["example.com/*/x"]', 'routes[0]: "example.com/*/x" is not a route pattern: '),
        ('route = "exa*mple.com/"', 'route: "exa*mple.com/" is not a route pattern: '),
        (
            'routes = [{ pattern = "a.b/c", custom_domain = true }]',
            'routes[0]: "a.b/c" is not a route pattern: a custom domain is a host',
        ),
    ],
)
def test_text_that_is_no_pattern_is_an_error(project: "Project", more: str, start: str) -> None:
    (error,) = project.errors(f"{more}\n")

    assert error.startswith(start)


def test_route_and_routes_exclude_each_other(project: "Project") -> None:
    both = 'route = "a.example.com/*"\nroutes = ["b.example.com/*"]\n'

    expected = (
        'Expected exactly one of the following fields ["routes","route"]. (wrangler.toml:5:1)'
    )
    assert project.errors(both) == [expected]
    assert project.errors(f"{both}[env.x]\n", env="x") == [expected]
    assert project.errors(f"{both}[env.x]\nroutes = []\n", env="x") == [expected]


@pytest.mark.parametrize(
    ("top", "own", "expected"),
    [
        ('route = "top.example.com/*"', 'routes = ["own.example.com/*"]', ["own.example.com/*"]),
        ('routes = ["top.example.com/*"]', 'route = "own.example.com/*"', ["own.example.com/*"]),
        ('routes = ["top.example.com/*"]', "routes = []", []),
        ('routes = ["top.example.com/*"]', "", ["top.example.com/*"]),
        ('route = "top.example.com/*"', "", ["top.example.com/*"]),
    ],
)
def test_environment_that_sets_one_key_inherits_neither(
    project: "Project", top: str, own: str, expected: list[str]
) -> None:
    config = project.config(f"{top}\n[env.x]\n{own}\n", env="x")

    assert patterns(config.routes) == expected


def test_bad_route_of_an_environment_is_named_with_its_path(project: "Project") -> None:
    (error,) = project.errors('[env.x]\nroutes = ["a.b/*", ""]\n', env="x")

    assert error.startswith('env.x.routes[1]: "" is not a route pattern: it has no host.')
    assert error.endswith("(wrangler.toml:6:20)")


def test_inherited_custom_domain_is_a_warning(project: "Project") -> None:
    more = (
        'routes = ["a.b/*", { pattern = "c.d", custom_domain = true }]\n'
        "[env.x]\n[env.y]\nroutes = []\n"
        '[env.z]\nroutes = [{ pattern = "e.f", custom_domain = true }]\n'
    )

    assert project.warnings(more) == []
    assert project.warnings(more, env="y") == []
    assert project.warnings(more, env="z") == []
    assert project.warnings(more, env="x") == [
        '"env.x" inherits the custom domains of the top level (c.d): deploying it takes them away '
        "from the worker of the top level.\n"
        'Give "env.x" its own "routes", an empty list for none. (wrangler.toml:5:20)'
    ]


def test_crons_are_read_with_their_places(project: "Project") -> None:
    config = project.config('[triggers]\ncrons = ["* * * * *",\n  "0 0 * * *"]\n')

    assert config.crons == ("* * * * *", "0 0 * * *")
    assert config.triggers == (
        Trigger(
            type="cron", fields={"cron": "* * * * *"}, position=Position("wrangler.toml", 6, 10)
        ),
        Trigger(
            type="cron", fields={"cron": "0 0 * * *"}, position=Position("wrangler.toml", 7, 3)
        ),
    )


def test_crons_are_inherited_and_can_be_switched_off(project: "Project") -> None:
    more = '[triggers]\ncrons = ["* * * * *"]\n[env.x]\n[env.y.triggers]\ncrons = []\n'

    assert project.config(more, env="x").crons == ("* * * * *",)
    assert project.config(more, env="y").crons == ()


def test_bad_cron_is_an_error(project: "Project") -> None:
    assert project.errors('[triggers]\ncrons = ["* * * * *", "61 * * * *"]\n') == [
        '"61 * * * *" is not a cron expression: "61" is no minute, which goes from 0 to 59. '
        "Write minute, hour, day of month, month and day of week, for example \"*/5 * * * *\". "
        "(wrangler.toml:6:23)"
    ]  # fmt: skip
