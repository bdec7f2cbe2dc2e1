"""A worker folder that a test fills with a config, and what reading it gives."""

import datetime
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest

from wrangler_compat import Diagnostics, WorkerConfig, load_config, read_config

# A busy machine makes single examples slow; the suite's timeout bounds the whole test.
hypothesis.settings.register_profile("no-deadline", deadline=None)
hypothesis.settings.load_profile("no-deadline")

TODAY = datetime.date(2025, 6, 1)

MINIMAL = """\
name = "my-worker"
main = "src/entry.py"
compatibility_date = "2025-01-01"
compatibility_flags = ["python_workers"]
"""


class Project:
    """A folder with an entry file and one config; messages name files relative to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("src/entry.py", "")

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(
        self,
        config: str | bytes,
        *,
        env: str | None = None,
        file: str = "wrangler.toml",
        plugin_keys: Mapping[str, str] | None = None,
    ) -> tuple[WorkerConfig | None, Diagnostics]:
        path = self.write(file, config)
        return read_config(path, env=env, plugin_keys=plugin_keys, today=TODAY)

    def config(
        self,
        more: str = "",
        *,
        env: str | None = None,
        plugin_keys: Mapping[str, str] | None = None,
    ) -> WorkerConfig:
        """Read the minimal config with `more` appended; it must have no errors."""
        config, report = self.read(MINIMAL + more, env=env, plugin_keys=plugin_keys)
        assert config is not None, report.render_errors()
        return config

    def warnings(self, more: str = "", *, env: str | None = None) -> list[str]:
        return [str(message) for message in self.read(MINIMAL + more, env=env)[1].warnings]

    def errors(self, more: str = "", *, env: str | None = None) -> list[str]:
        return [str(message) for message in self.read(MINIMAL + more, env=env)[1].errors]

    def load(
        self,
        more: str = "",
        *,
        env: str | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
        secrets: bool = True,
    ) -> tuple[WorkerConfig, Diagnostics]:
        path = self.write("wrangler.toml", MINIMAL + more)
        return load_config(
            path,
            env=env,
            environ=environ or {},
            overrides=overrides,
            secrets=secrets,
            today=TODAY,
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)
