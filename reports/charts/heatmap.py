"""The coverage heat map: sources by days or weeks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reportlab.graphics.shapes import Drawing

from reports.charts.definition import CELL_WORDS, Cell, CellState, HeatMap
from reports.charts.shapes import TICK, drawing, estimate, linked, missing, outline, rect, unknown, words

ORDER: Final[tuple[CellState, ...]] = ("covered", "zero", "gap", "unknown", "out")


def draw_heat_map(chart: HeatMap, width: float) -> Drawing:
    """Shaded where events came, outlined where a source was heard without events, hatched where nothing came."""
    left = min(max((estimate(row.label, TICK) for row in chart.rows), default=0) + 12, width * 0.32)
    columns = max(len(chart.columns), 1)
    # Narrow cells go over several bands rather than become lines
    per_band = min(columns, max(int((width - left) / 5.0), 1))
    bands = -(-columns // per_band)
    per_band = -(-columns // bands)
    pitch = min((width - left) / per_band, 15.0)
    side = max(pitch * 0.86, pitch - 1.6)
    tall = min(max(side, 8.0), 12.0)
    step = tall + 2.6
    seen = [state for state in ORDER if any(cell.state == state for row in chart.rows for cell in row.cells)]
    _, keys_height = heat_legend(seen, width)
    band_height = step * max(len(chart.rows), 1) + 16
    height = keys_height + 6 + band_height * bands
    shapes, _ = heat_legend(seen, width, height - 9)
    for band in range(bands):
        first, last = band * per_band, min((band + 1) * per_band, columns)
        top = height - keys_height - 6 - band_height * band
        for at, row in enumerate(chart.rows):
            y = top - step * (at + 1) + 2
            shapes.append(words(0, y + tall / 2 - 2.7, short(row.label, left - 8), "ink-2", TICK))
            for position, cell in enumerate(row.cells[first:last]):
                told = f"{row.label}, {chart.columns[first + position]}: {CELL_WORDS[cell.state]}"
                said = f"{told}, {cell.text}" if cell.text else told
                shapes.append(
                    linked(cell_shapes(cell, left + pitch * position, y, side, tall), cell.href, said)
                )
        if chart.columns:
            foot = top - step * len(chart.rows) - 8
            shapes.append(words(left, foot, chart.columns[first]))
            end = left + pitch * (last - first)
            if (
                last - first > 1
                and estimate(chart.columns[first]) + estimate(chart.columns[last - 1]) + 8 < end - left
            ):
                shapes.append(words(end, foot, chart.columns[last - 1], anchor="end"))
    return drawing(width, height, shapes)


def cell_shapes(cell: Cell, x: float, y: float, side: float, tall: float) -> list[Any]:
    """One cell."""
    if cell.state == "covered":
        # 0.3 at least: the lightest covered cell must not look like an empty one
        return [
            rect(x, y, side, tall, "accent", round(0.3 + 0.6 * min(max(cell.amount, 0.0), 1.0), 2), radius=1)
        ]
    if cell.state == "zero":
        return [outline(x + 0.3, y + 0.3, side - 0.6, tall - 0.6, "none", fill="card", radius=1, weight=0.5)]
    if cell.state == "gap":
        return missing(x, y, side, tall)
    if cell.state == "unknown":
        return unknown(x, y, side, tall)
    return [outline(x + 0.3, y + 0.3, side - 0.6, tall - 0.6, "line", dashed=True)]


def heat_legend(states: Sequence[CellState], width: float, y: float = 0.0) -> tuple[list[Any], float]:
    """The states that occur, wrapped to the width."""
    shapes: list[Any] = []
    x, row = 0.0, 0
    for state in states:
        needed = 13 + estimate(CELL_WORDS[state]) + 14
        if x and x + needed > width:
            x, row = 0.0, row + 1
        at = y - row * 12
        shapes += cell_shapes(Cell(state, 0.7), x, at - 1.6, 9, 9)
        shapes.append(words(x + 13, at, CELL_WORDS[state], "ink-2"))
        x += needed
    return shapes, (row + 1) * 12.0


def short(label: str, room: float) -> str:
    """The label, cut with an ellipsis where it would run into the cells."""
    if estimate(label, TICK) <= room:
        return label
    while label and estimate(label + "…", TICK) > room:
        label = label[:-1]
    return label + "…"
