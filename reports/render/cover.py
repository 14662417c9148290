"""The first page."""

from __future__ import annotations

from typing import Final

from reports.blocks.inline import as_spans
from reports.blocks.model import Cover, Document
from reports.blocks.values import Wording
from reports.render.prose import draw_facts
from reports.render.sheet import Sheet

TITLE: Final = 27.0


def draw_cover(sheet: Sheet, cover: Cover, wording: Wording, document: Document) -> None:
    """Client, title, period, status, facts; the statement stands at the foot. No running head."""
    if sheet.started:
        sheet.end()
    sheet.bare = True
    sheet.begin()
    sheet.bare = False
    sheet.place("cover", sheet.top)
    sheet.bookmark(0, cover.title, "cover")
    sheet.y = sheet.height - 118
    with sheet.artifact():
        sheet.fill(sheet.left, sheet.y + 8, 44, 3.2, "action")
    sheet.y -= 20
    text = sheet.text
    for line in text.wrap(text.printable(cover.client, "semibold"), "semibold", 13, sheet.measure):
        with sheet.tagged("P"):
            sheet.put(sheet.left, sheet.y, line, "semibold", 13, "ink-2")
        sheet.y -= 18
    sheet.y -= 16
    for line in text.wrap(text.printable(cover.title, "bold"), "bold", TITLE, sheet.measure):
        with sheet.tagged("H1"):
            sheet.put(sheet.left, sheet.y, line, "bold", TITLE)
        sheet.y -= 33
    if cover.subtitle:
        sheet.y += 8
        for line in text.wrap(text.printable(cover.subtitle), "regular", 12.5, sheet.measure):
            with sheet.tagged("P"):
                sheet.put(sheet.left, sheet.y, line, "regular", 12.5, "ink-2")
            sheet.y -= 17.5
    if cover.status:
        sheet.y -= 10
        pill(sheet, cover.status)
    sheet.y -= 22
    draw_facts(sheet, cover.facts, wording, "text")
    if cover.statement:
        told = text.lay(as_spans(cover.statement), sheet.measure, 9.5)
        foot = sheet.bottom + 8 + len(told) * 13.5
        if sheet.y < foot + 14:
            sheet.turn()
        else:
            sheet.y = foot + 10
        with sheet.artifact():
            sheet.rule(sheet.left, sheet.right, sheet.y, "ink", 0.9)
        sheet.y -= 17
        for pieces in told:
            with sheet.tagged("P"):
                sheet.put_line(sheet.left, sheet.y, pieces, 9.5)
            sheet.y -= 13.5
    sheet.end()


def pill(sheet: Sheet, status: str) -> None:
    """The status as a word on its ground: attention, for a draft is not issued."""
    text = sheet.text
    words = sheet.cut(status, "semibold", 9, sheet.measure - 20)
    width = text.width(words, "semibold", 9) + 16
    issued = status.lower().startswith("issued")
    ground, tone = ("met-ground", "met") if issued else ("attention-ground", "attention")
    with sheet.artifact():
        sheet.fill(sheet.left, sheet.y - 5.5, width, 17, ground)
    with sheet.tagged("P"):
        sheet.put(sheet.left + 8, sheet.y, words, "semibold", 9, tone)
    sheet.y -= 12
