"""One table for all that is measured: a line a measure, in Markdown that lines up."""

from dataclasses import dataclass

__all__ = ["Row", "Table"]

_WIDTHS = (60, 36, 12, 14, 6)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure; `least` or `most` is its target, where it has one."""

    measure: str
    figure: float
    unit: str
    peer: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def target(self) -> str:
        """The target as text, empty where there is none."""
        if self.least is not None:
            return f"≥ {_number(self.least)} {self.unit}"
        return "" if self.most is None else f"≤ {_number(self.most)} {self.unit}"

    @property
    def verdict(self) -> str:
        """`ok` or `MISSED`; empty where there is no target."""
        if self.least is None and self.most is None:
            return ""
        is_met = (self.least is None or self.figure >= self.least) and (
            self.most is None or self.figure <= self.most
        )
        return "ok" if is_met else "MISSED"


class Table:
    """Prints each row as soon as it is measured."""

    def __init__(self) -> None:
        self.missed: list[Row] = []
        _print("measure", "peer", "target", "figure", "")
        _print(*("-" * width for width in _WIDTHS))

    def add(self, *rows: Row) -> None:
        """Print rows, and note those that miss their target."""
        for row in rows:
            figure = f"{_number(row.figure)} {row.unit}"
            _print(row.measure, row.peer, row.target, figure, row.verdict)
            if row.verdict == "MISSED":
                self.missed.append(row)


def _print(*cells: str) -> None:
    shown = [f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)]
    print(f"| {' | '.join(shown)} |", flush=True)


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
