"""The names of the package, pinned."""

import subprocess
import sys

import workerkit
from workerkit import KitError, RouteLoadError


def test_public_names_are_pinned_sorted_and_there() -> None:
    assert workerkit.__all__ == [
        "Binding",
        "CallNext",
        "Cors",
        "KVNamespace",
        "KeyedLocks",
        "KitError",
        "Middleware",
        "Origins",
        "Problem",
        "RouteLoadError",
        "Router",
        "Service",
        "SettingsError",
        "WorkerSettings",
        "read_body",
        "read_object",
        "with_headers",
    ]
    assert all(hasattr(workerkit, name) for name in workerkit.__all__)


def test_import_pulls_in_no_other_package_of_ours() -> None:
    script = (
        "import sys, workerkit;"
        "print([name for name in ('aiohttp', 'kvstore', 'runtime', 'wrangler_compat')"
        " if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"


def test_only_public_names_of_workers_are_needed() -> None:
    """Only those exist on Cloudflare."""
    script = (
        "import sys, types, workers;"
        "facade = types.ModuleType('workers');"
        "facade.__dict__.update({name: getattr(workers, name) for name in workers.__all__});"
        "[sys.modules.pop(name) for name in list(sys.modules) if name.startswith('workers')];"
        "sys.modules['workers'] = facade;"
        "import workerkit;"
        "print([name for name in sys.modules if name.startswith('workers.')])"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"


def test_errors_have_one_root_and_stable_codes() -> None:
    assert issubclass(RouteLoadError, KitError)
    assert (KitError.code, RouteLoadError.code) == ("kit_error", "route_load")
