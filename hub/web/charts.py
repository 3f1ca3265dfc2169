"""Charts as inline SVG, drawn here: no library, no script, nothing inline that a CSP forbids.

Lengths are shares of the width (percent), so that text keeps its size on any screen; lines are
drawn in a nested picture of 1,000 by 100 that is stretched. Colours are classes of glance.css;
series differ by dash too. Each chart has a title and a description, and the page puts a table
with the same numbers beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

ROW_PX: Final = 40
PLOT_PX: Final = 180
#: Room for the number above the highest grid line, and for the moments under the plot.
ABOVE_PX: Final = 20
BELOW_PX: Final = 24
TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    number: int
    shown: str  # the number as the reader writes it
    rest: bool = False  # all others together


@dataclass(frozen=True, slots=True)
class Series:
    """``style`` 1 to 3: colour and dash. ``points``: (moment in ms, number), in order."""

    label: str
    style: int
    points: Sequence[tuple[int, int]]


def _open(id: str, title: str, about: str, height: int, kind: str) -> Markup:
    return Markup(
        '<svg class="chart chart-{kind}" role="img" width="100%" height="{height}" '
        'aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title>'
        '<desc id="{id}-d">{about}</desc>'
    ).format(kind=kind, height=height, id=id, title=title, about=about)


def bars(id: str, title: str, about: str, rows: Sequence[Bar]) -> Markup:
    """Labels left, numbers right, each above its bar."""
    most = max((row.number for row in rows), default=0) or 1
    parts = [_open(id, title, about, max(1, len(rows)) * ROW_PX, "bars")]
    for index, row in enumerate(rows):
        top = index * ROW_PX
        share = 100 * row.number / most
        parts.append(
            Markup(
                '<text class="chart-label" x="0" y="{text}">{label}</text>'
                '<text class="chart-number" x="100%" y="{text}" text-anchor="end">{shown}</text>'
                '<rect class="chart-rail" x="0" y="{bar}" width="100%" height="8" rx="2"></rect>'
                '<rect class="chart-bar{rest}" x="0" y="{bar}" width="{share}%" height="8" rx="2">'
                "</rect>"
            ).format(
                text=top + 17,
                bar=top + 24,
                label=row.label,
                shown=row.shown,
                share=f"{share:.2f}",
                rest=" chart-bar-rest" if row.rest else "",
            )
        )
    return Markup("").join([*parts, Markup("</svg>")])


def nice(most: int) -> int:
    """The top of an axis: at least 4, even, 1, 2, 4, 6 or 8 times a power of ten."""
    power = 1
    while True:
        for factor in (1, 2, 4, 6, 8):
            if factor * power >= max(4, most) and factor * power % 2 == 0:
                return factor * power
        power *= 10


def lines(
    id: str,
    title: str,
    about: str,
    series: Sequence[Series],
    span: tuple[int, int],
    *,
    number: Callable[[int], str],
    moment: Callable[[int], str],
    gap_ms: int,
) -> Markup:
    """Numbers over time. Where nothing was written for ``gap_ms`` the line is broken."""
    top = nice(max((value for one in series for _, value in one.points), default=0))
    from_ms, to_ms = span
    parts = [_open(id, title, about, ABOVE_PX + PLOT_PX + BELOW_PX, "lines")]
    for step in range(3):
        y = ABOVE_PX + PLOT_PX - PLOT_PX * step // 2
        parts.append(
            Markup(
                '<line class="chart-grid" x1="0" x2="100%" y1="{y}" y2="{y}"></line>'
                '<text class="chart-axis" x="0" y="{text}">{n}</text>'
            ).format(y=y, text=y - 5, n=number(top * step // 2))
        )
    parts.append(
        Markup(
            '<svg x="0" y="{y}" width="100%" height="{h}" viewBox="0 0 1000 100" '
            'preserveAspectRatio="none" overflow="visible">'
        ).format(y=ABOVE_PX, h=PLOT_PX)
    )
    for one in series:
        path = _path(one.points, from_ms, to_ms, top, gap_ms)
        if path:
            parts.append(
                Markup('<path class="chart-line chart-line-{s}" d="{d}"></path>').format(
                    s=one.style, d=path
                )
            )
    parts.append(Markup("</svg>"))
    for tick in range(TICKS + 1):
        at = from_ms + (to_ms - from_ms) * tick // TICKS
        anchor = "start" if tick == 0 else "end" if tick == TICKS else "middle"
        parts.append(
            Markup(
                '<text class="chart-axis{sparse}" x="{x}%" y="{y}" text-anchor="{a}">{t}</text>'
            ).format(
                x=f"{100 * tick / TICKS:.0f}", y=ABOVE_PX + PLOT_PX + 18, a=anchor, t=moment(at),
                sparse=" chart-sparse" if tick % 2 else "",
            )
        )  # fmt: skip
    return Markup("").join([*parts, Markup("</svg>")])


def _path(
    points: Sequence[tuple[int, int]], from_ms: int, to_ms: int, top: int, gap_ms: int
) -> str:
    width = max(1, to_ms - from_ms)
    out: list[str] = []
    last: int | None = None
    for index, (at, value) in enumerate(points):
        x, y = 1000 * (at - from_ms) / width, 100 - 100 * value / top
        joined = last is not None and at - last <= gap_ms
        out.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}")
        after = points[index + 1][0] if index + 1 < len(points) else None
        if not joined and (after is None or after - at > gap_ms):
            out.append("h2")  # a lone minute is still seen
        last = at
    return "".join(out)


def legend(series: Sequence[Series], number: Callable[[int], str]) -> Markup:
    """The names of the lines with their dash, and where each stands now."""
    items = []
    for one in series:
        now = number(one.points[-1][1]) if one.points else "–"
        items.append(
            Markup(
                '<li><svg class="chart-key" width="28" height="8" aria-hidden="true">'
                '<line class="chart-line chart-line-{s}" x1="0" x2="28" y1="4" y2="4"></line></svg>'
                "{label} <b>{now}</b></li>"
            ).format(s=one.style, label=one.label, now=now)
        )
    return Markup('<ul class="chart-legend">') + Markup("").join(items) + Markup("</ul>")
