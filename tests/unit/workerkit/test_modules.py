import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import pytest

import workerkit
from workerkit import RouteLoadError, Router
from workers import Response

Ask = Callable[..., Awaitable[Response]]
ImportPackage = Callable[[dict[str, str]], ModuleType]

GET = "from workers import Response\n\ndef get():\n    return Response(__name__)\n"


def route(path: str) -> str:
    return f"path = {path!r}\n{GET}"


async def test_each_module_of_the_package_is_a_route(
    import_routes: ImportPackage, ask: Ask
) -> None:
    package = import_routes({"a": route("/a"), "b": route("/b/:id"), "c": route("/c")})

    router = Router(package)

    for path in ("/a", "/b/1", "/c"):
        assert (await (await ask(router, path)).text()).endswith(f"routes.{path[1]}")
    assert (await ask(router, "/d")).status == 404


async def test_packages_in_the_package_hold_routes_too(
    import_routes: ImportPackage, ask: Ask
) -> None:
    package = import_routes(
        {
            "customer/__init__": "",
            "customer/one": route("/customer/:id"),
            "customer/deep/__init__": "from os import path",
            "customer/deep/path": route("/deep"),
            "without_init/one": route("/without-init"),
        }
    )

    router = Router(package)

    assert [
        (await ask(router, path)).status for path in ("/customer/1", "/deep", "/without-init")
    ] == [200, 200, 200]


async def test_other_folders_in_the_package_are_left_alone(
    import_routes: ImportPackage, ask: Ask
) -> None:
    package = import_routes({"a": route("/a"), "not-a-name/b": "raise RuntimeError('imported')"})
    templates = Path(package.__path__[0]) / "templates"
    templates.mkdir()
    (templates / "page.html").write_text("<p>")

    router = Router(package)

    assert (await ask(router, "/a")).status == 200


async def test_a_kit_among_the_workers_own_modules_finds_its_routes(
    import_isolated: Callable[[dict[str, str], str], ModuleType], ask: Ask
) -> None:
    folder = Path(str(workerkit.__file__)).parent
    kit = {f"workerkit/{path.name}": path.read_text() for path in folder.glob("*.py")}
    entry = "import routes\nfrom workerkit import Router\n\nrouter = Router(routes)\n"
    files = {"entry.py": entry, "routes/__init__.py": "", "routes/a.py": route("/a/:id")}

    module = import_isolated({**kit, **files}, "entry")

    assert module.Router is not Router
    assert (await ask(module.router, "/a/1")).status == 200


async def test_modules_with_an_underscore_are_not_even_imported(
    import_routes: ImportPackage, ask: Ask
) -> None:
    package = import_routes(
        {
            "_shared": "value = 'shared'",
            "_broken": "raise RuntimeError('imported')",
            "_folder/__init__": "raise RuntimeError('imported')",
            "a": (
                "from routes._shared import value\nfrom . import _shared\n"
                "from workers import Response\n"
                "path = '/a'\n\ndef get():\n    return Response(value + _shared.value)\n"
            ),
        }
    )

    router = Router(package)

    assert await (await ask(router, "/a")).text() == "sharedshared"


async def test_a_module_can_have_several_paths(import_routes: ImportPackage, ask: Ask) -> None:
    package = import_routes(
        {
            "archive": (
                "from workers import Response\n"
                "paths = ['/archive', '/archive/:year']\n\n"
                "def get(year='all'):\n    return Response(year)\n"
            )
        }
    )

    router = Router(package)

    assert await (await ask(router, "/archive")).text() == "all"
    assert await (await ask(router, "/archive/2026")).text() == "2026"


async def test_every_function_answers_its_method(import_routes: ImportPackage, ask: Ask) -> None:
    names = ("get", "head", "post", "put", "delete", "patch", "options")
    functions = "".join(
        f"\nasync def {name}():\n    return Response(None, headers={{'x-by': {name!r}}})\n"
        for name in names
    )
    package = import_routes({"a": f"from workers import Response\npath = '/a'\n{functions}"})

    router = Router(package)

    for name in names:
        assert (await ask(router, "/a", name.upper())).headers["x-by"] == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "routes.a answers nothing; define one of get, head, post, put, delete, patch, opt"),
        ("path = '/a'", "routes.a answers nothing; define one of get"),
        (GET, 'routes.a has no path; write path = "/…" or paths = ["/…", "/…"], or start the mod'),
        (f"paths = []\n{GET}", "routes.a has no path; write"),
        (f"paths = '/a'\n{GET}", "routes.a has no path; write"),
        (f"path = '/a'\npaths = ['/b']\n{GET}", "routes.a has both path and paths; put the one"),
        (f"path = 'a'\n{GET}", "routes.a: a path is a str that starts with a slash, not 'a'"),
        (f"from os import path\n{GET}", "routes.a: a path is a str that starts with a slash"),
        (f"paths = ['/a', '/%']\n{GET}", "routes.a: the path '/%' has a malformed escape"),
        ("path = '/a'\nget = None", "routes.a.get must be a function, not NoneType"),
        (
            "path = '/a/:id'\ndef put(ident): ...",
            "routes.a.put takes 'ident', which nothing gives it; there is request, env, ctx, id",
        ),
        (
            "paths = ['/a', '/a/:id']\ndef get(id): ...",
            "routes.a.get takes 'id', which is not in every path of its module; give it a default",
        ),
    ],
)
def test_a_mistake_in_a_module_is_a_load_error_naming_it(
    import_routes: ImportPackage, text: str, message: str
) -> None:
    package = import_routes({"a": text})

    with pytest.raises(RouteLoadError) as caught:
        Router(package)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("text", ["path = '/a'", "paths = ['/a']"])
def test_a_package_cannot_be_a_route(import_routes: ImportPackage, text: str) -> None:
    package = import_routes({"customer/__init__": text})

    with pytest.raises(RouteLoadError) as caught:
        Router(package)

    name = text.partition(" ")[0]
    assert str(caught.value) == (
        f"routes.customer is a package and cannot be a route; move its {name} into a module in it"
    )


@pytest.mark.parametrize(
    ("one", "other"), [("/a", "/a"), ("/a/:x", "/a/:y"), ("/a/*x", "/a/*y"), ("/a/", "/a")]
)
def test_two_modules_with_one_path_are_a_load_error_naming_both(
    import_routes: ImportPackage, one: str, other: str
) -> None:
    package = import_routes({"first": route(one), "sub/second": route(other)})

    with pytest.raises(RouteLoadError) as caught:
        Router(package)

    assert str(caught.value) == (
        f"routes.first ({one!r}) and routes.sub.second ({other!r}) have the same path; "
        "only one of them can have it"
    )


def test_two_modules_with_one_path_are_refused_whatever_their_methods(
    import_routes: ImportPackage,
) -> None:
    package = import_routes({"first": route("/a"), "second": "path = '/a'\n\ndef put(): ...\n"})

    with pytest.raises(RouteLoadError, match=r"routes\.first .* and routes\.second .* same path"):
        Router(package)


def test_an_error_inside_a_module_comes_through_with_its_own_traceback(
    import_routes: ImportPackage,
) -> None:
    package = import_routes({"a": "one = 1\n\nvalue = one / 0\n"})

    with pytest.raises(ZeroDivisionError) as caught:
        Router(package)

    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename.endswith("routes/a.py"), last.lineno) == (True, 3)


def test_a_failing_import_inside_a_module_names_what_is_missing(
    import_routes: ImportPackage,
) -> None:
    package = import_routes({"a": "path = '/a'\n\nimport nowhere_to_be_found\n"})

    with pytest.raises(ModuleNotFoundError) as caught:
        Router(package)

    frames = traceback.extract_tb(caught.value.__traceback__)
    assert str(caught.value) == "No module named 'nowhere_to_be_found'"
    assert any(frame.filename.endswith("routes/a.py") and frame.lineno == 3 for frame in frames)


def test_a_syntax_error_inside_a_module_names_file_and_line(import_routes: ImportPackage) -> None:
    package = import_routes({"a": "path = '/a'\n\ndef get(:\n"})

    with pytest.raises(SyntaxError) as caught:
        Router(package)

    assert (str(caught.value.filename).endswith("routes/a.py"), caught.value.lineno) == (True, 3)


def test_what_is_no_package_is_refused() -> None:
    for routes in ("routes", traceback):
        with pytest.raises(RouteLoadError, match="Router takes a package of routes, not .*trace|r"):
            Router(routes)


def test_the_private_name_of_a_workers_modules_is_in_no_message(
    import_isolated: Callable[[dict[str, str], str], ModuleType],
) -> None:
    files = {"shop/routes/a.py": "path = '/a'\n\ndef get(b): ...\n"}
    package = import_isolated({"shop/__init__.py": "", **files}, "shop.routes")

    with pytest.raises(RouteLoadError) as caught:
        Router(package)

    assert str(caught.value).startswith("routes.a.get takes 'b'")
