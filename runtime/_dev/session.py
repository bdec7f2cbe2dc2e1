"""The workers of one `runtime serve`: read from their configs, loaded, and loaded again."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kvstore import StoreError
from runtime._dev.clashes import require_no_clash
from runtime._dev.reloading import WatchedWorker
from runtime._dev.tracked import warn_of_tracked_secrets
from runtime._dispatch.node import LoadReport, Node
from runtime._dispatch.worker import WorkerSlot
from runtime._loader.roots import import_roots
from runtime.errors import HostError
from wrangler_compat import (
    CompatError,
    ConfigError,
    Diagnostics,
    WorkerConfig,
    review_workers,
)

__all__ = ["ConfigsError", "DevSession", "ReadConfig"]

ReadConfig = Callable[[Path], tuple[WorkerConfig, Diagnostics]]
"""Reads a worker's config with its local secrets; raises ConfigError."""

logger = logging.getLogger(__name__)


class ConfigsError(HostError):
    """Several config files cannot be used; the message has all that is wrong with each."""

    code = "configs_invalid"

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        super().__init__("\n\n".join(map(str, errors)))


class DevSession:
    """Keeps the workers of a node in step with their files; each goes by its config's path."""

    def __init__(self, node: Node, read: ReadConfig) -> None:
        self._node = node
        self._read = read
        self._configs: dict[Path, WorkerConfig] = {}
        # What was warned of last, so that each save does not say it again.
        self._told: dict[Path | None, frozenset[str]] = {}
        self._turn = asyncio.Lock()

    @property
    def configs(self) -> Sequence[WorkerConfig]:
        """The configs as they were last read, in the order in which they were given."""
        return list(self._configs.values())

    def read_all(self, paths: Iterable[Path]) -> None:
        """Read the workers' configs.

        Raises ConfigError or ConfigsError with every fault of every file, ClashError where two
        workers cannot be served together.
        """
        errors = []
        for path in paths:
            try:
                self._configs[path] = self._read_config(path)
            except ConfigError as error:
                errors.append(error)
        if errors:
            raise errors[0] if len(errors) == 1 else ConfigsError(errors)
        require_no_clash(self.configs)

    async def load_all(self) -> None:
        """Load every worker for the first time; what is wrong with one takes down it alone."""
        for config in self.configs:
            _log(await self._node.load(config), "loaded")
        self._tell_of_all()

    async def reload(self, path: Path) -> None:
        """Read a worker's config again and load it afresh; a wrong config changes nothing.

        Never raises: whatever goes wrong is logged, and the next save is another chance.
        """
        async with self._turn:
            name = self._configs[path].name
            try:
                await self._reload(path)
            except (CompatError, HostError, StoreError) as error:
                logger.error('%s\nworker "%s" goes on as it was', error, name)
            except Exception:
                logger.exception('worker "%s" cannot be reloaded', name)

    async def reload_all(self) -> None:
        """Reload every worker."""
        for path in list(self._configs):
            await self.reload(path)

    async def warn_of_tracked_secrets(self) -> None:
        """Warn of local secrets that git has; git is asked in a thread."""
        report = Diagnostics()
        await asyncio.to_thread(warn_of_tracked_secrets, self.configs, report)
        for warning in report.warnings:
            logger.warning("%s", warning)

    def choose(self, path: Path | None) -> WorkerSlot | None:
        """Return the worker of that config; None is the first, which answers unclaimed hosts."""
        config = next(iter(self._configs.values())) if path is None else self._configs[path]
        return self._node.workers.get(config.name)

    def watched(self) -> dict[Path, WatchedWorker]:
        """Return what belongs to each worker on disk."""
        return {path: _watched(path, config) for path, config in self._configs.items()}

    async def _reload(self, path: Path) -> None:
        old = self._configs[path]
        config = self._read_config(path)
        require_no_clash((self._configs | {path: config}).values())
        if config.dev.port != old.dev.port:
            logger.warning('worker "%s": a changed dev.port needs a restart', config.name)
        report = await self._node.load(config)
        self._configs[path] = config
        if config.name != old.name:
            self._node.unload(old.name)
        _log(report, "reloaded")
        self._tell_of_all()

    def _read_config(self, path: Path) -> WorkerConfig:
        config, report = self._read(path)
        self._tell(path, [report.render_warnings()] if report.has_warnings else [])
        return config

    def _tell_of_all(self) -> None:
        report = Diagnostics()
        review_workers(self.configs, report)
        self._tell(None, map(str, report.warnings))

    def _tell(self, about: Path | None, warnings: Iterable[str]) -> None:
        warnings = list(warnings)
        told = self._told.get(about, frozenset())
        self._told[about] = frozenset(warnings)
        for warning in warnings:
            if warning not in told:
                logger.warning("%s", warning)


def _watched(path: Path, config: WorkerConfig) -> WatchedWorker:
    # The folder of `main` may be away for a moment; it is watched for all that.
    roots = (config.main.parent.resolve(), *import_roots(config.main, config.folder))
    return WatchedWorker(config_path=path, roots=tuple(dict.fromkeys(roots)))


def _log(report: LoadReport, verb: str) -> None:
    if report.error is None:
        logger.info('%s worker "%s" in %.0f ms', verb, report.worker, report.seconds * 1000)
        return
    details = f"\n{report.error.details.rstrip()}" if report.error.details else ""
    logger.error("%s%s", report.error, details)
