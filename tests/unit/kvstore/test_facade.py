"""The names of the package, pinned, and its errors."""

import subprocess
import sys

import kvstore
from kvstore import errors


def test_public_names_are_pinned_sorted_and_there() -> None:
    assert kvstore.__all__ == [
        "CorruptRecordError",
        "CorruptStoreError",
        "Delete",
        "Durability",
        "EngineClosedError",
        "EngineError",
        "EngineLockedError",
        "EngineOptions",
        "Entry",
        "FormatTooNewError",
        "KVEngine",
        "KVError",
        "KVNamespace",
        "KVResult",
        "Operation",
        "OwnerUnavailableError",
        "Put",
        "Record",
        "StoreError",
        "engine_names",
        "open_engine",
    ]
    assert all(hasattr(kvstore, name) for name in kvstore.__all__)


def test_import_pulls_in_no_engine_and_no_other_package_of_ours() -> None:
    script = (
        "import sys, kvstore;"
        "print([name for name in ('plyvel', 'aiohttp', 'pytest', 'runtime', 'workers',"
        " 'kvstore.engines.leveldb') if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"


def test_every_error_has_its_own_code() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__]

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(issubclass(kind, errors.StoreError) for kind in kinds)
    assert {kind.exit_code for kind in kinds} == {1}


def test_a_refusal_has_its_status_and_is_a_value_error() -> None:
    error = errors.KVError("PUT", 413, "Too much.")

    assert (str(error), error.status) == ("KV PUT failed: 413 Too much.", 413)
    assert isinstance(error, ValueError)
