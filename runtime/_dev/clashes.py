"""What workers that are served together must not have in common."""

from collections.abc import Iterable, Iterator

from runtime.errors import HostError
from wrangler_compat import Position, WorkerConfig

__all__ = ["ClashError", "find_clashes", "require_no_clash"]


class ClashError(HostError):
    """Two workers want what only one can have; the message names both config files.

    `position` is where the second one says so.
    """

    code = "clash"

    def __init__(self, text: str, position: Position | None = None) -> None:
        super().__init__(text)
        self.position = position


def find_clashes(configs: Iterable[WorkerConfig]) -> Iterator[ClashError]:
    """Yield an error for each worker that has the name, or the `dev.port`, of one before it."""
    by_name: dict[str, WorkerConfig] = {}
    by_port: dict[int, WorkerConfig] = {}
    for config in configs:
        other = by_name.setdefault(config.name, config)
        if other is not config:
            yield ClashError(
                f'two workers have the name "{config.name}": {other.config_path} and '
                f"{config.config_path}; rename one of them, or serve them apart",
                config.positions.get(("name",)),
            )
        if config.dev.port is None:
            continue
        other = by_port.setdefault(config.dev.port, config)
        if other is not config:
            yield ClashError(
                f"two workers have the dev.port {config.dev.port}: {other.config_path} and "
                f"{config.config_path}; change one of them",
                config.positions.get(("dev", "port")),
            )


def require_no_clash(configs: Iterable[WorkerConfig]) -> None:
    """Raise ClashError where two workers have one name, or one `dev.port`."""
    for clash in find_clashes(configs):
        raise clash
