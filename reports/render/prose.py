"""Everything on a page that is neither table nor chart: headings, paragraphs, boxes, key figures, code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from reports.blocks.inline import Span, as_spans
from reports.blocks.model import (
    Block,
    Code,
    Facts,
    Figure,
    Heading,
    KeyFigures,
    Kind,
    Note,
    Paragraph,
    Placeholder,
    Points,
    Text,
)
from reports.blocks.numbering import Numbering
from reports.blocks.values import State, Value, Wording
from reports.charts.shapes import hatching
from reports.render.marks import mark_ops
from reports.render.sheet import CREAM, STROKE, Sheet
from reports.render.typeset import Fragment, Style

BODY: Final = 9.6
LEADING: Final = 14.0
# size, leading, space above, space below
HEADINGS: Final = {1: (17.0, 21.5, 16.0, 6.0), 2: (12.5, 16.5, 15.0, 5.0), 3: (10.5, 14.0, 12.0, 4.0)}
GAP: Final = 8.0
HASH: Final = re.compile(r"\A[0-9a-f]{32,}\Z")


def draw(sheet: Sheet, block: Block, wording: Wording, numbering: Numbering) -> None:
    """Print one block. TypeError for one that has its own module."""
    if isinstance(block, Paragraph):
        draw_paragraph(sheet, block.text, small=block.small)
    elif isinstance(block, Points):
        draw_points(sheet, block)
    elif isinstance(block, Facts):
        draw_facts(sheet, block.facts, wording, block.kind)
    elif isinstance(block, KeyFigures):
        draw_key_figures(sheet, block.figures, wording, numbering)
    elif isinstance(block, Note):
        draw_note(sheet, block)
    elif isinstance(block, Placeholder):
        draw_placeholder(sheet, block)
    elif isinstance(block, Code):
        draw_code(sheet, block)
    else:
        raise TypeError(f"A {type(block).__name__} cannot be printed as prose.")


def first_height(sheet: Sheet, block: Block | None, wording: Wording, numbering: Numbering) -> float:
    """How much of a block must stand together with the heading above it."""
    if isinstance(block, Paragraph):
        lines = sheet.text.lay(as_spans(block.text), sheet.measure, BODY)
        return (len(lines) if len(lines) <= 3 else 2) * LEADING
    if isinstance(block, KeyFigures):
        return 72.0
    if isinstance(block, Note):
        lines = sheet.text.lay(note_spans(block), sheet.measure - 24, 9.2)
        return min(len(lines), 4) * 13.2 + 16
    if isinstance(block, Placeholder):
        return 160.0
    return 3 * LEADING if block is not None else 0.0


# -- headings and paragraphs -----------------------------------------------------------------------------------


def heading_lines(sheet: Sheet, heading: Heading) -> list[str]:
    """A heading's lines."""
    size = HEADINGS[heading.level][0]
    style: Style = "bold" if heading.level == 1 else "semibold"
    return sheet.text.wrap(sheet.text.printable(heading.text, style), style, size, sheet.measure)


def heading_height(sheet: Sheet, heading: Heading) -> float:
    """With its space above and below."""
    _, leading, above, below = HEADINGS[heading.level]
    return len(heading_lines(sheet, heading)) * leading + above + below


def draw_heading(sheet: Sheet, heading: Heading, anchor: str) -> None:
    """A heading; at the top of a page without its space above."""
    size, leading, above, below = HEADINGS[heading.level]
    sheet.ensure()
    if sheet.y < sheet.top:
        sheet.y -= above
    sheet.place(anchor, sheet.y)
    with sheet.tagged(f"H{heading.level}"):
        for line in heading_lines(sheet, heading):
            sheet.put(sheet.left, sheet.y - size, line, "bold" if heading.level == 1 else "semibold", size)
            sheet.y -= leading
    sheet.y -= below


def draw_paragraph(sheet: Sheet, text: Text, *, small: bool = False) -> None:
    """Prose. Not one line alone at a page's foot or head."""
    size, leading = (8.4, 12.0) if small else (BODY, LEADING)
    lines = sheet.text.lay(as_spans(text), sheet.measure, size)
    draw_lines(sheet, lines, sheet.left, size, leading, "ink-2" if small else "ink")
    sheet.y -= GAP


def draw_lines(
    sheet: Sheet, lines: Sequence[list[Fragment]], left: float, size: float, leading: float, token: str
) -> None:
    """Laid-out lines, parted over pages so that two at least stand on each side."""
    sheet.ensure()
    at = 0
    while at < len(lines):
        rest = len(lines) - at
        fits = max(int(sheet.room // leading), 0)
        if fits < rest:
            if rest - fits == 1:
                fits -= 1
            if fits < 2 and sheet.y < sheet.top:
                sheet.turn()
                continue
        part = lines[at : at + max(fits, 1)]
        with sheet.tagged("P"):
            for line in part:
                sheet.put_line(left, sheet.y - size, line, size, token)
                sheet.y -= leading
        at += len(part)
        if at < len(lines):
            sheet.turn()


def draw_points(sheet: Sheet, block: Points) -> None:
    """A list; its mark is drawn, its numbers are right-aligned."""
    indent = 16.0
    for at, point in enumerate(block.points):
        lines = sheet.text.lay(as_spans(point), sheet.measure - indent, BODY)
        sheet.need(min(len(lines), 2) * LEADING)
        if block.numbered:
            with sheet.tagged("P"):
                sheet.put_right(sheet.left + 11, sheet.y - BODY, f"{at + 1}.", "regular", BODY, "ink-2")
        else:
            with sheet.artifact():
                sheet.fill(sheet.left + 3, sheet.y - BODY + 2.4, 3, 3, "action")
        draw_lines(sheet, lines, sheet.left + indent, BODY, LEADING, "ink")
        sheet.y -= 2.5
    sheet.y -= GAP - 2.5


# -- names and values ------------------------------------------------------------------------------------------


def draw_facts(sheet: Sheet, facts: Sequence[tuple[str, Value]], wording: Wording, kind: Kind) -> None:
    """Names left, values right of them, hairlines between."""
    text = sheet.text
    names = max((text.width(text.printable(name), "regular", 9) for name, _ in facts), default=0.0)
    column = min(max(names + 18, 110), sheet.measure * 0.38)
    style: Style
    for name, value in facts:
        left = text.wrap(text.printable(name), "regular", 9, column - 12)
        style = (
            "mono" if kind in {"id", "code"} or (isinstance(value, str) and HASH.match(value)) else "regular"
        )
        size = 8.2 if style == "mono" else 9.4
        right = text.wrap(text.printable(wording.text(value), style), style, size, sheet.measure - column - 4)
        rows = max(len(left), len(right))
        if sheet.room < min(rows, 6) * 13 + 9:
            sheet.turn()
        at = 0
        while at < rows:
            fits = min(max(int((sheet.room - 9) // 13), 1), rows - at)
            top = sheet.y - 5 - 8.6
            with sheet.tagged("P"):
                for line_at in range(at, at + fits):
                    y = top - (line_at - at) * 13
                    if line_at < len(left):
                        sheet.put(sheet.left, y, left[line_at], "regular", 9, "ink-2")
                    if line_at < len(right):
                        x = sheet.left + column
                        if isinstance(value, State) and line_at == 0:
                            sheet.ops.append(mark_ops(value.condition, x + 3, y + 3, 6))
                        shift = 11 if isinstance(value, State) else 0
                        sheet.put(x + shift, y, right[line_at], style, size)
            sheet.y -= fits * 13 + 8
            at += fits
            if at < rows:
                sheet.turn()
        with sheet.artifact():
            sheet.rule(sheet.left, sheet.right, sheet.y, "line", 0.5)
    sheet.y -= GAP + 2


def draw_key_figures(sheet: Sheet, figures: Sequence[Figure], wording: Wording, numbering: Numbering) -> None:
    """Figures in a frame, up to five in a row, each with its counts and the table that lists its rows."""
    rows = -(-len(figures) // 5)
    per_row = -(-len(figures) // rows) if rows else 0
    for start in range(0, len(figures), per_row or 1):
        row_of_figures(sheet, figures[start : start + per_row], per_row, wording, numbering)
    sheet.y -= GAP


def row_of_figures(
    sheet: Sheet, figures: Sequence[Figure], columns: int, wording: Wording, numbering: Numbering
) -> None:
    """One row of the frame."""
    text = sheet.text
    width = sheet.measure / columns
    inner = width - 20
    told = [
        (
            figure,
            text.wrap(text.printable(figure.label), "regular", 8, inner),
            small_lines(sheet, figure, inner, wording, numbering),
        )
        for figure in figures
    ]
    height = 33 + max(len(label) * 10.6 + len(small) * 10 for _, label, small in told) + 9
    sheet.need(height + 4)
    top = sheet.y
    with sheet.artifact():
        sheet.frame(sheet.left, top - height, sheet.measure, height)
        for at in range(1, columns):
            x = sheet.left + at * width
            sheet.ops.append(f"{STROKE['line']} 0.6 w {x:.2f} {top:.2f} m {x:.2f} {top - height:.2f} l S")
    for at, (figure, label, small) in enumerate(told):
        x = sheet.left + at * width + 10
        y = top - 24
        shown = text.printable(wording.text(figure.value), "semibold").replace("\n", " ")
        size = 17.0
        while size > 8 and text.width(shown, "semibold", size) > inner - (14 if figure.condition else 0):
            size -= 0.5
        with sheet.tagged("P"):
            if figure.condition:
                sheet.ops.append(mark_ops(figure.condition, x + 4.5, y + size * 0.34, 8.5))
            token = figure.condition if figure.condition and figure.condition != "none" else "ink"
            sheet.put(x + (14 if figure.condition else 0), y, shown, "semibold", size, token)
            y -= 14
            for line in label:
                sheet.put(x, y, line, "regular", 8, "ink-2")
                y -= 10.6
            for line, target in small:
                sheet.put(x, y, line, "regular", 7.4, "accent" if target else "ink-3")
                if target:
                    sheet.link(x, y - 2, x + text.width(line, "regular", 7.4), y + 7, target)
                y -= 10
        sheet.place(figure.figure_id, top)
    sheet.y -= height + 5


def small_lines(
    sheet: Sheet, figure: Figure, room: float, wording: Wording, numbering: Numbering
) -> list[tuple[str, str]]:
    """The counts behind a share, the difference to the period before, and the table's number."""
    lines: list[tuple[str, str]] = []
    if figure.numerator is not None and figure.denominator is not None:
        counts = f"{wording.number(figure.numerator)} of {wording.number(figure.denominator)}"
        lines += [(line, "") for line in sheet.text.wrap(sheet.text.printable(counts), "regular", 7.4, room)]
    if figure.difference:
        lines += [
            (line, "")
            for line in sheet.text.wrap(sheet.text.printable(figure.difference), "regular", 7.4, room)
        ]
    if figure.table in numbering.labels:
        lines.append((f"see {numbering.labels[figure.table]}", f"#{figure.table}"))
    return lines


# -- boxes -----------------------------------------------------------------------------------------------------


def note_spans(note: Note) -> tuple[Span, ...]:
    """A note's text with its title run in, bold."""
    body = as_spans(note.text)
    return (Span(note.title, bold=True), Span(" "), *body) if note.title else body


def draw_note(sheet: Sheet, note: Note) -> None:
    """A box with a bar at its left; over more than one page it is closed and opened again."""
    size, leading, pad = 9.2, 13.2, 8.0
    lines = sheet.text.lay(note_spans(note), sheet.measure - 24, size)
    whole = len(lines) * leading + 2 * pad - 3
    if whole < (sheet.top - sheet.bottom) * 0.45:
        sheet.need(whole + 2)
    at = 0
    while at < len(lines):
        fits = int((sheet.room - 2 * pad + 3) // leading)
        if fits < min(2, len(lines) - at) and sheet.y < sheet.top:
            sheet.turn()
            continue
        part = lines[at : at + max(fits, 1)]
        height = len(part) * leading + 2 * pad - 3
        bottom = sheet.y - height
        with sheet.artifact():
            note_ground(sheet, note, bottom, height)
        sheet.y -= pad
        with sheet.tagged("Note"):
            for line in part:
                sheet.put_line(sheet.left + 13, sheet.y - size, line, size)
                sheet.y -= leading
        sheet.y = bottom
        at += len(part)
        if at < len(lines):
            sheet.turn()
    sheet.y -= GAP + 4


def note_ground(sheet: Sheet, note: Note, bottom: float, height: float) -> None:
    """The ground, hairline and bar of a box. The bar of an unknown one is hatched."""
    left, width = sheet.left, sheet.measure
    if note.kind == "gap":
        sheet.fill(left, bottom, width, height, CREAM)
        sheet.frame(left, bottom, width, height)
        sheet.fill(left, bottom, 3, height, "attention")
    elif note.kind == "unknown":
        sheet.fill(left, bottom, width, height, "0.976 0.97 0.996 rg")
        sheet.frame(left, bottom, width, height)
        sheet.fill(left, bottom, 5, height, "unknown-ground")
        lines = hatching(left, bottom, 5, height, step=2.6)
        steps = " ".join(f"{x1:.2f} {y1:.2f} m {x2:.2f} {y2:.2f} l" for (x1, y1), (x2, y2) in lines)
        sheet.ops.append(f"q {STROKE['unknown']} 0.7 w {steps} S Q")
    else:
        sheet.fill(left, bottom, width, height, "paper")
        sheet.frame(left, bottom, width, height)
        sheet.fill(left, bottom, 3, height, "action")


def draw_placeholder(sheet: Sheet, block: Placeholder) -> None:
    """A dashed frame over the rest of the page: this page is another's."""
    sheet.need(160)
    height = sheet.room - 10
    bottom = sheet.y - height
    with sheet.artifact():
        sheet.frame(sheet.left, bottom, sheet.measure, height, "none", "[4 3] 0 d")
    inner = sheet.measure - 90
    titles = sheet.text.wrap(sheet.text.printable(block.title, "semibold"), "semibold", 14, inner)
    lines = sheet.text.lay(as_spans(block.text), inner, 10)
    y = bottom + height / 2 + (len(titles) * 19 + len(lines) * 15) / 2
    with sheet.tagged("P"):
        for title in titles:
            sheet.put(
                sheet.left + (sheet.measure - sheet.text.width(title, "semibold", 14)) / 2,
                y,
                title,
                "semibold",
                14,
                "ink-2",
            )
            y -= 19
        for line in lines:
            width = line[-1].x + line[-1].width if line else 0.0
            sheet.put_line(sheet.left + (sheet.measure - width) / 2, y, line, 10, "ink-2")
            y -= 15
    sheet.y = bottom - GAP


def draw_code(sheet: Sheet, block: Code) -> None:
    """Lines as they are, on a pale ground; a line that is too long goes on below, indented."""
    size, leading, pad = 8.2, 12.0, 7.0
    if block.caption:
        sheet.need(40)
        draw_lines(
            sheet, sheet.text.lay(as_spans(block.caption), sheet.measure, 8.6), sheet.left, 8.6, 12, "ink-2"
        )
        sheet.y -= 3
    lines: list[str] = []
    for line in sheet.text.printable(block.text.expandtabs(4), "mono").split("\n"):
        pieces = sheet.text.broken(line, "mono", size, sheet.measure - 2 * pad - 12) if line else [""]
        lines += [pieces[0], *(f"  {piece}" for piece in pieces[1:])]
    if len(lines) * leading + 2 * pad < (sheet.top - sheet.bottom) * 0.5:
        sheet.need(len(lines) * leading + 2 * pad)
    at = 0
    while at < len(lines):
        sheet.need(leading + 2 * pad)
        fits = max(int((sheet.room - 2 * pad) // leading), 1)
        part = lines[at : at + fits]
        height = len(part) * leading + 2 * pad - 2
        with sheet.artifact():
            sheet.fill(sheet.left, sheet.y - height, sheet.measure, height, "line-2")
        y = sheet.y - pad
        with sheet.tagged("Code"):
            for line in part:
                sheet.put(sheet.left + pad, y - size, line, "mono", size)
                y -= leading
        sheet.y -= height
        at += len(part)
        if at < len(lines):
            sheet.turn()
    sheet.y -= GAP + 4
