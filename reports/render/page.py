"""Blocks as HTML for the portal, through the partials in `templates/components/blocks/`.

Everything is escaped by Django's templates; charts are SVG of our own making. Tables show fifty rows and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import islice
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from reports.blocks.inline import as_spans
from reports.blocks.model import (
    NUMERIC,
    Block,
    ChartBlock,
    Code,
    Column,
    Contents,
    Cover,
    Document,
    Facts,
    Figure,
    Heading,
    KeyFigures,
    Note,
    PageBreak,
    Paragraph,
    Placeholder,
    Points,
    Table,
)
from reports.blocks.numbering import Entry, Numbering, number
from reports.blocks.values import Link, Rate, State, Target, Value, Wording, rfc3339
from reports.charts import Chart, Sparkline, alternative, figures, svg

SHOWN_ROWS: Final = 50
# Charts are defined in points for paper; on the page they are half as large again, so that labels read at 11 px.
SCALE: Final = 1.5
# Ids and times stay on one line, unless they are so long that they would push the page sideways.
WHOLE: Final = frozenset({"id", "time", "date", "number", "rate", "duration"})
LONGEST_WHOLE: Final = 20
WIDE: Final = 860
NARROW: Final = 330


def render_document(document: Document, *, year: int | None = None, top: int = 2) -> SafeString:
    """All sections of a document. `top` is the HTML level of a heading of level 1 (the page's title is 1)."""
    numbering = number(document)
    renderer = PageRenderer(numbering, Wording(document.zone, document.thousands, year), top)
    parts = [
        renderer.render(block, (at, index))
        for at, section in enumerate(document.sections)
        for index, block in enumerate(section.blocks)
    ]
    return mark_safe("\n".join(parts))  # noqa: S308  # each part comes out of an escaping template


def render_blocks(
    blocks: Sequence[Block], *, zone: tzinfo, thousands: str = "\u202f", year: int | None = None, top: int = 2
) -> SafeString:
    """Blocks without a document, for a part of a page."""
    from reports.blocks.model import Section

    whole = Document("", "", "", (Section("part", "", tuple(blocks)),), zone=zone, thousands=thousands)
    return render_document(whole, year=year, top=top)


def render_chart(chart: Chart, *, ident: str) -> SafeString:
    """A chart alone: its SVG for wide and narrow places, without title and table."""
    return mark_safe("".join(chart_svgs(chart, ident)))  # noqa: S308  # our own SVG, texts escaped in svg.py


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as the template sees it."""

    text: str
    href: str = ""
    anchor: str = ""
    tone: str = ""
    moment: str = ""
    css: str = ""


class PageRenderer:
    """Renders the blocks of one document."""

    def __init__(self, numbering: Numbering, wording: Wording, top: int) -> None:
        self.numbering = numbering
        self.wording = wording
        self.top = top

    def render(self, block: Block, place: tuple[int, int]) -> str:
        """One block through its partial."""
        name, context = self.context(block, place)
        return render_to_string(f"components/blocks/{name}.html", context) if name else ""

    def level(self, of: int) -> int:
        """The HTML level of a heading, six at most."""
        return min(of + self.top - 1, 6)

    def context(  # noqa: C901  # one branch per block, nothing else
        self, block: Block, place: tuple[int, int]
    ) -> tuple[str, dict[str, Any]]:
        """The partial's name and what it needs."""
        if isinstance(block, Heading):
            return "heading", {
                "level": self.level(block.level),
                "text": block.text,
                "anchor": self.numbering.anchors[place],
            }
        if isinstance(block, Paragraph):
            return "paragraph", {"spans": as_spans(block.text), "small": block.small}
        if isinstance(block, Points):
            return "points", {"points": [as_spans(one) for one in block.points], "numbered": block.numbered}
        if isinstance(block, Facts):
            return "facts", {"facts": self.facts(block.facts), "code": block.kind in {"id", "code"}}
        if isinstance(block, KeyFigures):
            return "key_figures", {"figures": [self.figure(one) for one in block.figures]}
        if isinstance(block, Table):
            return "table", self.table(block)
        if isinstance(block, ChartBlock):
            return "chart", self.chart(block)
        if isinstance(block, Note):
            return "note", {"kind": block.kind, "title": block.title, "spans": as_spans(block.text)}
        if isinstance(block, Placeholder):
            return "placeholder", {"title": block.title, "spans": as_spans(block.text)}
        if isinstance(block, Code):
            return "code", {"text": block.text, "caption": block.caption}
        if isinstance(block, Cover):
            return "cover", {
                "cover": block,
                "facts": self.facts(block.facts),
                "statement": as_spans(block.statement),
            }
        if isinstance(block, Contents):
            return "contents", self.contents(block)
        if isinstance(block, PageBreak):
            return "", {}
        raise TypeError(f"A {type(block).__name__} has no partial.")

    def contents(self, block: Contents) -> dict[str, Any]:
        """Headings as a tree of two levels, tables and figures as lists."""
        chapters: list[tuple[Entry, list[Entry]]] = []
        for entry in self.numbering.headings():
            if entry.level == 1 or not chapters:
                chapters.append((entry, []))
            else:
                chapters[-1][1].append(entry)
        lists = [("Tables", self.numbering.lists("table")), ("Figures", self.numbering.lists("figure"))]
        return {
            "title": block.title,
            "level": self.level(1),
            "chapters": chapters,
            "lists": [(name, entries) for name, entries in lists if entries] if block.lists else [],
        }

    # -- values --------------------------------------------------------------------------------------------

    def cell(self, value: Value, column: Column | None = None) -> ShownCell:
        """A value with whatever goes with it: link, anchor, mark, exact instant on hover."""
        text = self.wording.text(value)
        css = " ".join(classes(column)) if column else ""
        if column and column.kind in WHOLE and len(text) <= LONGEST_WHOLE:
            css = f"{css} nowrap".strip()
        elif max(map(len, text.split()), default=0) > LONGEST_WHOLE:
            css = f"{css} long".strip()
        if isinstance(value, State):
            return ShownCell(text, tone=value.condition, css=css)
        if isinstance(value, Link):
            return ShownCell(text, href=value.href or (f"#{value.anchor}" if value.anchor else ""), css=css)
        if isinstance(value, Target):
            return ShownCell(text, anchor=value.anchor, css=css)
        if isinstance(value, datetime):
            return ShownCell(text, moment=rfc3339(value), css=css)
        if isinstance(value, date):
            return ShownCell(text, moment=value.isoformat(), css=css)
        return ShownCell(text, css=css)

    def facts(self, facts: Iterable[tuple[str, Value]]) -> list[tuple[str, ShownCell]]:
        """Names with their values."""
        return [(name, self.cell(value)) for name, value in facts]

    def figure(self, figure: Figure) -> dict[str, Any]:
        """A key figure with its counts in words."""
        counts = ""
        if figure.numerator is not None and figure.denominator is not None:
            counts = f"{self.wording.number(figure.numerator)} of {self.wording.number(figure.denominator)}"
        label = self.numbering.labels.get(figure.table, "")
        return {
            "value": self.wording.text(figure.value),
            "words": isinstance(figure.value, Rate) and " of" in figure.value.text().replace("\u00a0", " "),
            "label": figure.label,
            "tone": figure.condition or "",
            "href": figure.href or (f"#{figure.table}" if label else ""),
            "counts": counts,
            "difference": figure.difference,
            "id": figure.figure_id,
        }

    # -- tables and charts ---------------------------------------------------------------------------------

    def table(self, table: Table) -> dict[str, Any]:
        """The first fifty rows, and how many there are."""
        rows = iter(table.rows())
        shown = []
        for row in islice(rows, SHOWN_ROWS):
            cells = [self.cell(value, column) for column, value in zip(table.columns, row, strict=True)]
            shown.append(list(zip(table.columns, cells, strict=True)))
        total = table.row_count
        if total is None:
            total = len(shown) + sum(1 for _ in rows)
        return {
            "id": table.id,
            "label": self.numbering.labels.get(table.id, ""),
            "title": table.title,
            "columns": [
                {"title": column.title, "css": " ".join(one for one in classes(column) if one != "mono")}
                for column in table.columns
            ],
            "rows": shown,
            "empty": table.empty,
            "note": as_spans(table.note),
            "more": table.more,
            "cut": f"showing {len(shown)} of {self.wording.number(total)}" if total > len(shown) else "",
        }

    def chart(self, block: ChartBlock) -> dict[str, Any]:
        """The drawing in two widths, its words, and its table."""
        columns, rows = figures(block.chart)
        numeric = [
            at > 0 and all(isinstance(row[at], int | None) for row in rows) for at in range(len(columns))
        ]
        return {
            "id": block.id,
            "label": self.numbering.labels[block.id],
            "title": block.chart.title,
            "drawings": chart_svgs(block.chart, block.id),
            "alternative": alternative(block.chart),
            "columns": [(title, numeric[at]) for at, title in enumerate(columns)],
            "rows": [
                [(self.wording.text(value), numeric[at]) for at, value in enumerate(row)] for row in rows
            ],
        }


def classes(column: Column) -> list[str]:
    """A column's classes, those of the data table component: `num`, `mono`, `p2`…"""
    found = []
    if column.kind in NUMERIC or column.side == "right":
        found.append("num")
    if column.kind in {"id", "code"}:
        found.append("mono")
    if column.priority > 1:
        found.append(f"p{min(column.priority, 4)}")
    return found


def chart_svgs(chart: Chart, ident: str) -> list[SafeString]:
    """The SVG for wide places and for narrow ones; the style sheet shows one of them."""
    if isinstance(chart, Sparkline):
        return [sized(svg(chart, 120, ident=ident, css_class="chart-spark"))]
    return [
        sized(svg(chart, WIDE / SCALE, ident=f"{ident}-wide", css_class="chart-wide")),
        sized(svg(chart, NARROW / SCALE, ident=f"{ident}-narrow", css_class="chart-narrow")),
    ]


def sized(markup: str) -> SafeString:
    """SVG of ours, safe because `svg()` escapes every text that it places."""
    return mark_safe(markup)  # noqa: S308
