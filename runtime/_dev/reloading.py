"""Reload on save: which worker a changed file belongs to, and loading it afresh."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchfiles import DefaultFilter, awatch

__all__ = ["WatchedWorker", "affected_workers", "watch"]

# Beside a config, what it is read together with.
_BESIDE_CONFIG = (".dev.vars", ".env", "pyproject.toml")
_IGNORED_FOLDERS = frozenset(
    (*DefaultFilter.ignore_dirs, ".edgestead", ".ruff_cache", ".wrangler", "python_modules")
)
# Bytecode, and what editors write beside the file that is being edited.
_IGNORED_FILES = re.compile("|".join(DefaultFilter.ignore_entity_patterns))
# Milliseconds: an editor's write and rename are one change when they are this close.
_DEBOUNCE_MS = 60
_STEP_MS = 20
_RETRY_S = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedWorker:
    """What belongs to one worker on disk: its config, and the folders that it imports from."""

    config_path: Path
    roots: tuple[Path, ...]

    def owns(self, path: Path) -> bool:
        """Tell whether a change of `path` concerns this worker."""
        if _IGNORED_FILES.search(path.name):
            return False
        if path == self.config_path:
            return True
        if path.parent == self.config_path.parent and path.name.startswith(_BESIDE_CONFIG):
            return True
        return any(_is_source(path, root) or root.is_relative_to(path) for root in self.roots)


def affected_workers(changed: Iterable[Path], workers: Mapping[Path, WatchedWorker]) -> list[Path]:
    """Return the keys of the workers that the changed files belong to."""
    paths = list(changed)
    return [key for key, worker in workers.items() if any(map(worker.owns, paths))]


async def watch(
    workers: Callable[[], Mapping[Path, WatchedWorker]],
    reload: Callable[[Path], Awaitable[None]],
    begun: asyncio.Event,
) -> None:
    """Call `reload(key)` for each worker whose files change, until cancelled.

    What is watched follows the workers: folders that a reload adds are watched from then on.
    `begun` is set as soon as a change would be seen, or where none can be.
    """
    again: list[Path] = []
    while True:
        try:
            again = await _watch_once(workers, reload, again, begun)
        except FileNotFoundError:
            # A folder went away between looking and watching.
            await asyncio.sleep(_RETRY_S)
        except (OSError, RuntimeError) as error:
            logger.warning("reload on save is off: %s", error)
            begun.set()
            return


async def _watch_once(
    workers: Callable[[], Mapping[Path, WatchedWorker]],
    reload: Callable[[Path], Awaitable[None]],
    again: Iterable[Path],
    begun: asyncio.Event,
) -> list[Path]:
    """Watch until other folders are to be watched; return whose reload has brought them.

    Those in `again` are reloaded first: what was saved before the watch began is not reported.
    """
    places = _places(workers().values())
    changes: asyncio.Queue[set[Path]] = asyncio.Queue()
    affected: list[Path] = []
    try:
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(_collect(folders, recursive, changes))
                for recursive, folders in places.items()
            ]
            # One turn of the loop, in which both begin to watch.
            await asyncio.sleep(0)
            begun.set()
            for key in again:
                await reload(key)
            while _places(workers().values()) == places:
                affected = affected_workers(await changes.get(), workers())
                for key in affected:
                    await reload(key)
            for task in watching:
                task.cancel()
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return affected


def _places(workers: Iterable[WatchedWorker]) -> dict[bool, frozenset[Path]]:
    """Return the folders to watch: under True those with all that is in them.

    Watching is recursive only where a worker's code lies: beside it there may be whole trees of
    installed packages. Of a root that is not there, the next folder above it is watched.
    """
    trees, folders = set[Path](), set[Path]()
    for worker in workers:
        folders.add(worker.config_path.parent)
        for root in worker.roots:
            if root.is_dir():
                trees.add(root)
            else:
                folders.add(next(parent for parent in root.parents if parent.is_dir()))
    trees = {root for root in trees if root.name not in _IGNORED_FOLDERS}
    return {True: frozenset(trees), False: frozenset(folders - trees)}


async def _collect(
    folders: Iterable[Path], recursive: bool, changes: "asyncio.Queue[set[Path]]"
) -> None:
    if not folders:
        return
    batches = awatch(
        *sorted(folders),
        watch_filter=None,
        debounce=_DEBOUNCE_MS,
        step=_STEP_MS,
        recursive=recursive,
    )
    async for batch in batches:
        changes.put_nowait({Path(path) for _, path in batch})


def _is_source(path: Path, root: Path) -> bool:
    if not path.is_relative_to(root):
        return False
    return _IGNORED_FOLDERS.isdisjoint(path.relative_to(root).parts)
