"""What the commands of plugins work on: configs and local state, with no worker loaded."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from runtime._dev.projects import NoConfigError, Projects, find_projects
from runtime._dispatch.view import bindings_of, option_of, triggers_of
from runtime._registry import Registry
from runtime.errors import PluginError
from runtime.plugins import HostView, Mode, RawBinding, RawTrigger
from runtime.settings import HostSettings
from wrangler_compat import Diagnostics, WorkerConfig, load_config

__all__ = ["LocalHosts"]


class LocalHosts:
    """Shows commands what `runtime serve` has."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def local(
        self,
        *,
        config: Sequence[Path] = (),
        env: str | None = None,
        persist_to: Path | None = None,
    ) -> HostView:
        """Return what `runtime serve` with the same paths and options has."""
        return _LocalHost(config, env, persist_to, self._registry.sections)

    def load(self, host: HostView, group: str, name: str) -> AbstractContextManager[Any]:
        """Import what a worker of a host declares for a command."""
        # On first use: most commands run no code of workers.
        from runtime._cli.declared import load_declared

        assert isinstance(host, _LocalHost)  # it is one that `local` has returned
        return load_declared(host.configs, group, name)


class _LocalHost:
    """Reads what it is asked for: a config that is wrong is in the way of nothing else."""

    def __init__(
        self,
        paths: Sequence[Path],
        env: str | None,
        persist_to: Path | None,
        plugin_keys: Mapping[str, str],
    ) -> None:
        self._paths = paths
        self._env = env
        self._persist_to = persist_to
        self._plugin_keys = plugin_keys

    @property
    def mode(self) -> Mode:
        return "dev"

    def bindings(self, kind: str) -> Sequence[RawBinding]:
        return bindings_of(self.configs, kind)

    def triggers(self, kind: str) -> Sequence[RawTrigger]:
        return triggers_of(self.configs, kind)

    def data_dir(self, kind: str) -> Path:
        return self._state_folder / kind

    def option(self, kind: str, name: str, default: str) -> str:
        return option_of(os.environ, kind, name, default)

    def now(self) -> float:
        return time.time()

    def owner(self, kind: str) -> NoReturn:
        raise PluginError(f'a command owns nothing of the binding kind "{kind}"')

    def page_url(self, name: str) -> str:
        return f"/cdn-cgi/{name}"

    async def invoke(self, worker: str, handler: str, /, *args: object, **options: Any) -> NoReturn:
        raise PluginError(f'a command runs no handler; "{handler}" of {worker} was asked for')

    @cached_property
    def _projects(self) -> Projects:
        return find_projects(self._paths, [], Path.cwd())

    @cached_property
    def _state_folder(self) -> Path:
        folder = self._persist_to or HostSettings().persist_to
        return self._projects.state_folder if folder is None else folder.resolve()

    @cached_property
    def configs(self) -> Sequence[WorkerConfig]:
        """Return the configs, and tell what is doubtful in them."""
        try:
            projects = self._projects
        except NoConfigError:
            # State that is somewhere else can be looked at without any.
            if self._paths or self._persist_to is None:
                raise
            return []
        configs = []
        _warn(projects.report)
        for path in projects.configs:
            config, report = load_config(
                path, env=self._env, secrets=False, plugin_keys=self._plugin_keys
            )
            _warn(report)
            configs.append(config)
        return configs


def _warn(report: Diagnostics) -> None:
    if report.has_warnings:
        sys.stderr.write(f"warning: {report.render_warnings()}\n")
