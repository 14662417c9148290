"""The contents: headings of two levels, then tables and figures; page numbers are filled in at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reports.blocks.model import Contents
from reports.blocks.numbering import Entry, Numbering
from reports.render.sheet import Sheet
from reports.render.typeset import Style

NUMBER_ROOM: Final = 34.0
SIZE: Final = 9.5
LEADING: Final = 14.5
LABEL_ROOM: Final = 52.0


def draw_contents(sheet: Sheet, block: Contents, numbering: Numbering) -> None:
    """Print the contents from a new page on."""
    sheet.ensure()
    if sheet.y < sheet.top:
        sheet.turn()
    title(sheet, block.title, 17.0, "H1", 26)
    lines(sheet, numbering.headings())
    for kind, name in (("table", "Tables"), ("figure", "Figures")):
        entries = numbering.lists(kind)  # type: ignore[arg-type]
        if block.lists and entries:
            sheet.need(60)
            sheet.y -= 12
            title(sheet, name, 11.5, "H2", 19)
            lines(sheet, entries)
    sheet.end()


def title(sheet: Sheet, words: str, size: float, role: str, below: float) -> None:
    """A heading of the contents."""
    with sheet.tagged(role):
        sheet.put(sheet.left, sheet.y - size, sheet.text.printable(words, "bold"), "bold", size)
    sheet.y -= size + below - size * 0.6


def lines(sheet: Sheet, entries: Sequence[Entry]) -> None:
    """One line per entry, more where its title is long; dots lead to the number."""
    for entry in entries:
        chapter = entry.kind == "heading" and entry.level == 1
        style: Style = "semibold" if chapter else "regular"
        indent = 14.0 if entry.level == 2 else LABEL_ROOM if entry.label else 0.0
        room = sheet.measure - indent - NUMBER_ROOM
        wrapped = sheet.text.wrap(sheet.text.printable(entry.title, style), style, SIZE, room)
        height = len(wrapped) * LEADING + (5 if chapter else 0)
        if sheet.room < height:
            sheet.turn()
        if chapter and sheet.y < sheet.top - 30:
            sheet.y -= 5
        top = sheet.y
        with sheet.tagged("TOCI"):
            if entry.label:
                sheet.put(sheet.left, sheet.y - 10, entry.label, "regular", SIZE, "ink-2")
            for line in wrapped:
                sheet.put(sheet.left + indent, sheet.y - 10, line, style, SIZE)
                sheet.y -= LEADING
            baseline = sheet.y + LEADING - 10
            sheet.number_later(sheet.right, baseline, entry.anchor)
        end = sheet.left + indent + sheet.text.width(wrapped[-1], style, SIZE)
        with sheet.artifact():
            dots(sheet, end + 6, sheet.right - 24, baseline)
        sheet.link(sheet.left, sheet.y, sheet.right, top, f"#{entry.anchor}")


def dots(sheet: Sheet, start: float, end: float, y: float) -> None:
    """A dotted line; the dots of all lines stand under each other."""
    first = start + (-start) % 4
    if end - first > 8:
        sheet.ops.append(
            f"q 0.72 0.75 0.79 RG 0.8 w 1 J [0 4] 0 d {first:.2f} {y + 0.6:.2f} m {end:.2f} {y + 0.6:.2f} l S Q"
        )
