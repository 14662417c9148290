"""A document as JSON, `schema: 1`: its blocks with plain values, rows streamed.

Keys per block are those of the model; `type` is the block's name in snake case. Values are those of
`reports.blocks.values.plain`; a rate is `{numerator, denominator, percent}`, a state `{condition, text}`, so that
nobody has to parse words. Charts carry their figures as columns and rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from reports.blocks.inline import as_spans
from reports.blocks.model import (
    Block,
    ChartBlock,
    Code,
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
    Text,
)
from reports.blocks.numbering import Numbering, number
from reports.blocks.values import Link, Rate, State, Target, Value, plain, rfc3339
from reports.charts import alternative, figures

SCHEMA: Final = 1


def chunks(document: Document) -> Iterator[str]:
    """The JSON text in pieces: one per block, one per row of a table."""
    numbering = number(document)
    opening = {
        "schema": SCHEMA,
        "title": document.title,
        "client": document.client,
        "running": document.running,
        "footer": document.footer,
        "language": document.language,
        "draft": document.draft,
        "date": rfc3339(document.date),
        "zone": str(document.zone),
        "facts": document.facts,
    }
    yield dumped(opening)[:-1] + ',"sections":['
    for at, section in enumerate(document.sections):
        yield ("," if at else "") + dumped({"key": section.key, "title": section.title})[:-1] + ',"blocks":['
        for index, block in enumerate(section.blocks):
            if index:
                yield ","
            if isinstance(block, Table):
                yield from table_chunks(block, numbering)
            else:
                yield dumped(plain_block(block, numbering, (at, index)))
        yield "]}"
    yield "]}\n"


def write_json(document: Document, out: BinaryIO) -> None:
    """Write the whole document."""
    out.writelines(piece.encode("utf-8", "backslashreplace") for piece in chunks(document))


def dumped(value: Any) -> str:
    """Compact JSON; text stays as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def table_chunks(table: Table, numbering: Numbering) -> Iterator[str]:
    """A table's head, then its rows one by one, then how many there were."""
    opening = {
        "type": "table",
        "id": table.id,
        "label": numbering.labels.get(table.id, ""),
        "title": table.title,
        "columns": [{"key": one.key, "title": one.title, "kind": one.kind} for one in table.columns],
        "note": spans_of(table.note),
        "empty": table.empty,
        "href": table.more,
    }
    yield dumped(opening)[:-1] + ',"rows":['
    count = 0
    for row in table.rows():
        if len(row) != len(table.columns):
            raise ValueError(
                f"Table {table.id} has {len(table.columns)} columns, but a row has {len(row)} values."
            )
        yield ("," if count else "") + dumped([plain_value(value) for value in row])
        count += 1
    yield f'],"row_count":{count}}}'


def plain_value(value: Value) -> Any:
    """A value for programs."""
    if isinstance(value, Rate):
        return {"numerator": value.numerator, "denominator": value.denominator, "percent": plain(value)}
    if isinstance(value, State):
        return {"condition": value.condition, "text": value.text}
    if isinstance(value, Link):
        return {"text": value.text, "href": value.href, "anchor": value.anchor}
    if isinstance(value, Target):
        return {"text": value.text, "id": value.anchor}
    return plain(value)


def spans_of(text: Text) -> list[dict[str, Any]]:
    """Marked-up text as spans; only what is set stands in them."""
    return [
        {"text": span.text}
        | ({"bold": True} if span.bold else {})
        | ({"code": True} if span.code else {})
        | ({"href": span.target} if span.target else {})
        for span in as_spans(text)
    ]


def plain_figure(figure: Figure) -> dict[str, Any]:
    """A key figure with its counts and its address."""
    return {
        "id": figure.figure_id,
        "label": figure.label,
        "value": plain_value(figure.value),
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "condition": figure.condition,
        "difference": figure.difference,
        "href": figure.href,
        "table": figure.table,
    }


def plain_facts(facts: Any) -> list[dict[str, Any]]:
    """Names and values."""
    return [{"name": name, "value": plain_value(value)} for name, value in facts]


def plain_block(  # noqa: C901  # one branch per block, nothing else
    block: Block, numbering: Numbering, place: tuple[int, int]
) -> dict[str, Any]:
    """Any block but a table."""
    if isinstance(block, Heading):
        return {
            "type": "heading",
            "level": block.level,
            "text": block.text,
            "anchor": numbering.anchors[place],
        }
    if isinstance(block, Paragraph):
        return {"type": "paragraph", "text": spans_of(block.text)}
    if isinstance(block, Points):
        return {
            "type": "points",
            "numbered": block.numbered,
            "points": [spans_of(one) for one in block.points],
        }
    if isinstance(block, Facts):
        return {"type": "facts", "facts": plain_facts(block.facts)}
    if isinstance(block, KeyFigures):
        return {"type": "key_figures", "figures": [plain_figure(one) for one in block.figures]}
    if isinstance(block, ChartBlock):
        columns, rows = figures(block.chart)
        return {
            "type": "chart",
            "id": block.id,
            "label": numbering.labels[block.id],
            "kind": type(block.chart).__name__.lower(),
            "title": block.chart.title,
            "alternative": alternative(block.chart),
            "columns": list(columns),
            "rows": [list(row) for row in rows],
        }
    if isinstance(block, Note):
        return {"type": "note", "kind": block.kind, "title": block.title, "text": spans_of(block.text)}
    if isinstance(block, Placeholder):
        return {"type": "placeholder", "title": block.title, "text": spans_of(block.text)}
    if isinstance(block, Code):
        return {"type": "code", "text": block.text, "caption": block.caption}
    if isinstance(block, Cover):
        return {
            "type": "cover",
            "title": block.title,
            "client": block.client,
            "subtitle": block.subtitle,
            "status": block.status,
            "facts": plain_facts(block.facts),
            "statement": spans_of(block.statement),
        }
    if isinstance(block, Contents):
        return {"type": "contents", "title": block.title}
    if isinstance(block, PageBreak):
        return {"type": "page_break"}
    raise TypeError(f"A {type(block).__name__} has no JSON form.")
