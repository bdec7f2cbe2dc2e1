"""Secrets on env, and nowhere else."""

import pytest

from runtime.bindings.secrets import SecretsPlugin
from runtime.plugins import Diagnostics, RawBinding
from wrangler_compat import SecretValue


def raw(**fields: object) -> RawBinding:
    return RawBinding(worker="w", name="TOKEN", type="secret_text", fields=fields)


async def test_a_secret_is_a_plain_text_on_env_and_known_as_sensitive(workers, make_worker) -> None:
    folder = make_worker("demo", "")
    (folder / ".dev.vars").write_text("TOKEN=s3cr3t-value\n")
    await workers.load(
        "demo",
        """
        from workers import Response
        async def on_fetch(request, env):
            return Response(f"{type(env.TOKEN).__name__} {env.TOKEN} {env!r}")
        """,
    )

    assert await workers.text("demo") == "str s3cr3t-value <env TOKEN>"
    assert workers.node.sensitive == {"s3cr3t-value"}


@pytest.mark.parametrize("text", ["plain", SecretValue("plain")])
def test_a_secret_may_come_veiled(text: object) -> None:
    report = Diagnostics()

    assert SecretsPlugin().parse(raw(text=text), report) == "plain"
    assert not report.has_errors


@pytest.mark.parametrize("fields", [{}, {"text": None}, {"text": 5}, {"text": b"bytes"}])
def test_a_secret_without_text_is_reported_without_what_it_has(fields: dict) -> None:
    report = Diagnostics()

    assert SecretsPlugin().parse(raw(**fields), report) is None
    assert report.render() == 'The secret "TOKEN" has no text.'
