"""A document as PDF: walks its blocks once, in order, and prints each onto the sheet.

The same document gives the same bytes, in any process, zone and folder. Rows are streamed: memory grows with
pages, not with rows held.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from reports.blocks.model import (
    Block,
    ChartBlock,
    Contents,
    Cover,
    Document,
    Heading,
    PageBreak,
    Section,
    Table,
)
from reports.blocks.numbering import Numbering, number
from reports.blocks.values import Wording
from reports.render import prose
from reports.render.contents import draw_contents
from reports.render.cover import draw_cover
from reports.render.figures import FigureLayout
from reports.render.sheet import Sheet
from reports.render.tables import TableLayout


def write_pdf(document: Document, out: BinaryIO, *, fonts: Path) -> int:
    """Write the document as PDF into `out`; returns the number of pages.

    `fonts` is a folder where the static fonts are kept between runs (made at first use). Raises ValueError when a
    row has not one value per column or a table another number of rows than it said.
    """
    return Printer(document, out, fonts).print()


class Printer:
    """One document being printed."""

    def __init__(self, document: Document, out: BinaryIO, fonts: Path) -> None:
        self.document = document
        self.numbering: Numbering = number(document)
        self.wording = Wording(zone=document.zone, thousands=document.thousands)
        self.sheet = Sheet(document, out, fonts)
        self.depth = 0

    def print(self) -> int:
        """All sections, then what is known only at the end."""
        for at, section in enumerate(self.document.sections):
            self.section(at, section)
        return self.sheet.save()

    def section(self, at: int, section: Section) -> None:
        """One section. It begins on a new page unless it says otherwise."""
        sheet = self.sheet
        if section.new_page and sheet.started:
            sheet.end()
        sheet.section = section.title
        blocks = list(section.blocks)
        index = 0
        while index < len(blocks):
            index += self.block(at, index, blocks)

    def block(self, at: int, index: int, blocks: Sequence[Block]) -> int:
        """One block, or a heading together with what follows it. Returns how many blocks were printed."""
        sheet, block = self.sheet, blocks[index]
        if isinstance(block, PageBreak):
            sheet.ensure()
            if sheet.y < sheet.top:
                sheet.end()
            return 1
        if isinstance(block, Heading):
            return self.headings(at, index, blocks)
        if isinstance(block, Cover):
            draw_cover(sheet, block, self.wording, self.document)
            return 1
        if isinstance(block, Contents):
            draw_contents(sheet, block, self.numbering)
            return 1
        if isinstance(block, Table):
            self.layout(block).draw()
            return 1
        if isinstance(block, ChartBlock):
            self.figure(block)
            return 1
        prose.draw(sheet, block, self.wording, self.numbering)
        return 1

    def headings(self, at: int, index: int, blocks: Sequence[Block]) -> int:
        """One or more headings and the beginning of what follows, never parted by a page's end."""
        sheet = self.sheet
        last = index
        while last + 1 < len(blocks) and isinstance(blocks[last + 1], Heading):
            last += 1
        follower = blocks[last + 1] if last + 1 < len(blocks) else None
        prepared: TableLayout | FigureLayout | None = None
        if isinstance(follower, Table):
            prepared = self.layout(follower)
        elif isinstance(follower, ChartBlock):
            prepared = FigureLayout(sheet, follower, self.numbering.labels[follower.id], self.wording)
        need = (
            prepared.first_height()
            if prepared
            else prose.first_height(sheet, follower, self.wording, self.numbering)
        )
        for position in range(index, last + 1):
            block = blocks[position]
            assert isinstance(block, Heading)
            need += prose.heading_height(sheet, block)
        sheet.need(min(need, sheet.top - sheet.bottom))
        for position in range(index, last + 1):
            block = blocks[position]
            assert isinstance(block, Heading)
            anchor = self.numbering.anchors[at, position]
            prose.draw_heading(sheet, block, anchor)
            if block.level <= 2:
                sheet.bookmark(block.level - 1, block.text, anchor)
                self.depth = block.level
        if prepared is not None:
            self.mark(follower)
            prepared.draw()
            return last - index + 2
        return last - index + 1

    def layout(self, table: Table) -> TableLayout:
        """A table ready to be printed."""
        self.mark(table)
        return TableLayout(self.sheet, table, self.numbering.labels.get(table.id, ""), self.wording)

    def figure(self, block: ChartBlock) -> None:
        """A chart with its title."""
        self.mark(block)
        FigureLayout(self.sheet, block, self.numbering.labels[block.id], self.wording).draw()

    def mark(self, block: Block | None) -> None:
        """A bookmark below the current heading for a numbered table or figure."""
        if isinstance(block, Table | ChartBlock) and block.id in self.numbering.labels:
            title = block.title if isinstance(block, Table) else block.chart.title
            known = block.id in {anchor for _, _, anchor in self.sheet.bookmarks[-2:]}
            if not known:
                self.sheet.bookmark(self.depth, f"{self.numbering.labels[block.id]}. {title}", block.id)
