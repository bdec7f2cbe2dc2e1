"""What a migration returned: checked, for it is a worker's own, and in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from runtime.bindings.kv_namespace.output import quoted
from runtime.plugins import HostError

__all__ = ["Finding", "Outcome"]

# How many keys are told of; a report has all of them.
_MAX_TOLD: Final = 20


class Finding(NamedTuple):
    """A key that stands out, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many records were moved or were there already, and what stands in the way of others."""

    migrated: int
    skipped: int
    deleted: int
    conflicts: Sequence[Finding]
    errors: Sequence[Finding]
    is_complete: bool

    @classmethod
    def of(cls, result: Any, name: str) -> "Outcome":
        """Take what the migration `name` returned; raise HostError where it is no report."""
        try:
            return cls(
                migrated=int(result.migrated),
                skipped=int(result.skipped),
                deleted=int(getattr(result, "deleted", 0)),
                conflicts=[Finding(str(one.key), str(one.reason)) for one in result.conflicts],
                errors=[Finding(str(one.key), str(one.reason)) for one in result.errors],
                is_complete=bool(result.is_complete),
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise HostError(f'what the migration "{name}" returned is no report: {error}') from None

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to move at all."""
        return not (self.migrated or self.skipped or self.conflicts or self.errors)

    @property
    def counted_findings(self) -> str:
        """How many findings there are of each kind."""
        return f"{_counted(self.conflicts, 'conflict')}, {_counted(self.errors, 'error')}"

    def as_json(self) -> dict[str, Any]:
        """Return what a report file holds."""
        return {
            "migrated": self.migrated,
            "skipped": self.skipped,
            "conflicts": [one._asdict() for one in self.conflicts],
            "errors": [one._asdict() for one in self.errors],
        }

    def lines(self) -> Iterator[str]:
        """Yield the findings in words, the first of many."""
        told = [
            f"{kind}: {quoted(one.key)}: {one.reason}"
            for kind, findings in (("conflict", self.conflicts), ("error", self.errors))
            for one in findings[:_MAX_TOLD]
        ][:_MAX_TOLD]
        yield from told
        more = len(self.conflicts) + len(self.errors) - len(told)
        if more:
            yield f"and {more} more; --report FILE writes all of them"


def _counted(findings: Sequence[Finding], noun: str) -> str:
    return f"{len(findings)} {noun}{'' if len(findings) == 1 else 's'}"
