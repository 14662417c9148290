"""The model of a report: blocks, values, marked-up text, numbering. Pure; see `model`."""

from reports.blocks.inline import Span, as_spans, as_text, literal, spans
from reports.blocks.model import (
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
    Section,
    Table,
    fixed,
)
from reports.blocks.numbering import Entry, Numbering, number
from reports.blocks.values import Link, Rate, Row, State, Target, Value, Wording, plain

__all__ = [
    "Block", "ChartBlock", "Code", "Column", "Contents", "Cover", "Document", "Entry", "Facts", "Figure", "Heading",
    "KeyFigures", "Link", "Note", "Numbering", "PageBreak", "Paragraph", "Placeholder", "Points", "Rate", "Row",
    "Section", "Span", "State", "Table", "Target", "Value", "Wording", "as_spans", "as_text", "fixed", "literal",
    "number", "plain", "spans",
]  # fmt: skip
