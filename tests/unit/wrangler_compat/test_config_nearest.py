import pytest

from wrangler_compat.config.keys import KEYS
from wrangler_compat.config.nearest import nearest_name, unique_fields


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        # a slip of the finger
        ("kv_namespace", "kv_namespaces"),
        ("Compatibility-Date", "compatibility_date"),
        ("enviroment", "env"),
        # words in common, of one name only
        ("kv", "kv_namespaces"),
        ("email", "send_email"),
        ("flags", "compatibility_flags"),
        ("env_vars", "vars"),
        ("build_command", "build"),
        # what people say
        ("environments", "env"),
        ("variables", "vars"),
        # a field that only one table has
        ("crons", "triggers.crons"),
        ("cron", "triggers.crons"),
        ("port", "dev.port"),
        ("Producers", "queues.producers"),
        # a guess
        ("compat_date", "compatibility_date"),
        # nothing like it, or too much
        ("type", None),
        ("zone_id", None),
        ("binding", None),
        ("enabled", None),
        ("staging", None),
        ("", None),
    ],
)
def test_name_of_the_top_level_is_near_to(name: str, meant: str | None) -> None:
    assert nearest_name(name, KEYS, unique_fields()) == meant


def test_name_is_near_to_what_is_known_where_it_stands() -> None:
    assert nearest_name("bindng", ["binding", "id"]) == "binding"
    assert nearest_name("port", ["id", "binding"]) is None
    assert nearest_name("crons", ["id", "binding"]) is None
    assert nearest_name("variables", ["id", "binding"]) is None
    assert nearest_name("x", []) is None
