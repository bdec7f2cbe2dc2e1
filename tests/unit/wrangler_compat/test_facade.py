"""The names of the package, pinned."""

import subprocess
import sys

import wrangler_compat


def test_public_names_are_pinned_sorted_and_there() -> None:
    assert wrangler_compat.__all__ == [
        "Assets",
        "Binding",
        "Build",
        "CompatError",
        "ConfigError",
        "DevSettings",
        "Diagnostics",
        "ExplainedSecret",
        "ExplainedValue",
        "KeyPath",
        "Limits",
        "LocalSecret",
        "LocalSecrets",
        "Logs",
        "Message",
        "Migration",
        "ModuleRule",
        "Observability",
        "Placement",
        "Position",
        "PythonModules",
        "RenamedClass",
        "Route",
        "RoutePattern",
        "RoutePatternError",
        "RouteTable",
        "SecretValue",
        "Traces",
        "TransferredClass",
        "Trigger",
        "WorkerConfig",
        "check_config",
        "explain_secrets",
        "explain_settings",
        "find_config",
        "load_config",
        "parse_route_pattern",
        "read_config",
        "read_local_secrets",
        "review_workers",
    ]
    assert all(hasattr(wrangler_compat, name) for name in wrangler_compat.__all__)


def test_import_pulls_in_no_package_of_ours_and_no_server() -> None:
    script = (
        "import sys, wrangler_compat;"
        "print([name for name in ('aiohttp', 'kvstore', 'pydantic_settings', 'runtime', 'workers')"
        " if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"
