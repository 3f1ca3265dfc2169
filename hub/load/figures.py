"""Latencies kept in a bounded sample, and tables of what was measured."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

SAMPLE: Final = 20_000


class Latency:
    """A reservoir of at most SAMPLE values (Vitter's algorithm R), in milliseconds."""

    def __init__(self, values: Sequence[float] = (), count: int | None = None) -> None:
        self.values = list(values)
        self.count = len(self.values) if count is None else count
        self._chance = random.Random(1)

    def add(self, ms: float) -> None:
        self.count += 1
        if len(self.values) < SAMPLE:
            self.values.append(ms)
        elif (place := self._chance.randrange(self.count)) < SAMPLE:
            self.values[place] = ms

    def merge(self, values: Sequence[float], count: int) -> None:
        self.values += values
        self.count += count

    def at(self, share: float) -> float:
        """The value that ``share`` of the sample does not exceed; 0 for none."""
        if not self.values:
            return 0.0
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def row(self, name: str) -> tuple[str, ...]:
        cells = (f"{self.at(share):.1f}" for share in (0.5, 0.95, 0.99, 1.0))
        return (name, f"{self.count:,}", *cells)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the rest to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
        return "  ".join((cells[0].ljust(widths[0]), *rest)).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
