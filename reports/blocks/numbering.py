"""Numbers of tables and figures, anchors of headings, and the entries of the contents, known before drawing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from reports.blocks.model import ChartBlock, Cover, Document, Heading, Table


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents. `level` 1 or 2 for headings, 0 for tables and figures."""

    kind: Literal["heading", "table", "figure"]
    level: int
    label: str  # "Table 3", "Figure 12" or ""
    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Numbering:
    """`labels`: id of table or chart → "Table 3". `anchors`: a heading's position (section, block) → anchor."""

    entries: tuple[Entry, ...]
    labels: dict[str, str]
    anchors: dict[tuple[int, int], str]

    def headings(self) -> tuple[Entry, ...]:
        """The entries that are headings of levels 1 and 2."""
        return tuple(entry for entry in self.entries if entry.kind == "heading")

    def lists(self, kind: Literal["table", "figure"]) -> tuple[Entry, ...]:
        """The entries of that kind."""
        return tuple(entry for entry in self.entries if entry.kind == kind)


def slug(text: str) -> str:
    """An anchor made of a heading's words; `h` stands before one that would not begin with a letter."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
    return words if words[:1].isalpha() else f"h-{words}".strip("-")


def number(document: Document) -> Numbering:
    """Walk the document once, without reading a row. Raises ValueError when an anchor stands twice."""
    entries: list[Entry] = []
    labels: dict[str, str] = {}
    anchors: dict[tuple[int, int], str] = {}
    taken: set[str] = set()
    for block in document.blocks():
        name = block.id if isinstance(block, Table | ChartBlock) else getattr(block, "anchor", "")
        if name and name in taken:
            raise ValueError(f"The anchor {name!r} stands twice in {document.title!r}.")
        taken.add(name)
    tables = figures = 0
    for at, section in enumerate(document.sections):
        for index, block in enumerate(section.blocks):
            if isinstance(block, Heading):
                anchor = block.anchor or free(slug(block.text), taken)
                taken.add(anchor)
                anchors[at, index] = anchor
                if block.level <= 2:
                    entries.append(Entry("heading", block.level, "", block.text, anchor))
            elif isinstance(block, Table) and block.numbered:
                tables += 1
                labels[block.id] = f"Table {tables}"
                entries.append(Entry("table", 0, labels[block.id], block.title, block.id))
            elif isinstance(block, ChartBlock):
                figures += 1
                labels[block.id] = f"Figure {figures}"
                entries.append(Entry("figure", 0, labels[block.id], block.chart.title, block.id))
            elif isinstance(block, Cover):
                anchors[at, index] = free("cover", taken)
    return Numbering(tuple(entries), labels, anchors)


def free(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with the first number behind it that is free."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}-{count}"
    return name
