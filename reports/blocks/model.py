"""One report or package is a `Document`: sections of blocks, rendered as page, PDF, CSV and JSON alike.

Blocks are plain values. Only a table's rows are a callable, so that 39,000 of them are never held at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal, TypeAlias

from reports.blocks.inline import Span
from reports.blocks.values import THIN, Condition, Link, Row, State, Target, Value
from reports.charts.definition import Chart

Align = Literal["left", "right", "center"]
Kind = Literal["text", "id", "code", "number", "rate", "time", "date", "duration", "state"]
Paper = Literal["A4", "Letter"]
NUMERIC: Final[frozenset[Kind]] = frozenset({"number", "rate", "duration"})
ANCHOR: Final = re.compile(r"\A[A-Za-z][\w.~:/-]*\Z")

Text: TypeAlias = str | Sequence[Span]


def anchored(anchor: str) -> str:
    """The anchor itself; a ValueError when it could not stand in an address."""
    if anchor and not ANCHOR.match(anchor):
        raise ValueError(
            f"The anchor {anchor!r} must begin with a letter and hold letters, digits and -_.~:/ only."
        )
    return anchor


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 3. Levels 1 and 2 stand in the contents and the bookmarks."""

    level: int
    text: str
    anchor: str = ""

    def __post_init__(self) -> None:
        if self.level not in {1, 2, 3}:
            raise ValueError(f"A heading has level 1, 2 or 3, not {self.level}.")
        anchored(self.anchor)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Prose. A string is marked-up text (`reports.blocks.inline`); spans are taken as they are."""

    text: Text
    small: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """A short list of sentences, each marked-up text or spans."""

    points: Sequence[Text]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values in two columns, for a cover or an IPE sheet."""

    facts: Sequence[tuple[str, Value]]
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure: what it says, and for a share the two counts that it comes from.

    `figure_id` names it for links and for the verifier, `href` opens its rows on the page, `table` is the id of
    the table of this document that lists them.
    """

    label: str
    value: Value
    numerator: int | None = None
    denominator: int | None = None
    href: str = ""
    figure_id: str = ""
    table: str = ""
    condition: Condition | None = None
    difference: str = ""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """A row of key figures."""

    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `width` is a hint in points (PDF); lower `priority` numbers stay longest on a narrow page."""

    key: str
    title: str
    align: Align | None = None
    kind: Kind = "text"
    width: float | None = None
    priority: int = 1

    @property
    def side(self) -> Align:
        """Where its cells stand: as asked, else numbers right and the rest left."""
        return self.align or ("right" if self.kind in NUMERIC else "left")


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `rows()` gives a fresh iterator each time; each row has one value per column, in their order.

    `row_count` may be left out where it is not known beforehand; `empty` is the sentence shown for no rows.
    `numbered` tables are counted ("Table 3") and stand in the contents.
    """

    id: str
    title: str
    columns: Sequence[Column]
    rows: Callable[[], Iterable[Row]]
    note: Text = ""
    row_count: int | None = None
    empty: str = "None."
    numbered: bool = True
    more: str = ""  # page: where all rows can be seen
    level: int = 3  # of its title, for the order of headings on a page

    def __post_init__(self) -> None:
        anchored(self.id)
        keys = [column.key for column in self.columns]
        if not keys or len(set(keys)) != len(keys):
            raise ValueError(f"Table {self.id} needs columns with different keys, not {keys}.")


@dataclass(frozen=True, slots=True)
class ChartBlock:
    """A chart with its id; drawn from one definition on the page and in the PDF, with its table of figures."""

    id: str
    chart: Chart
    table_in_pdf: bool = False
    level: int = 3

    def __post_init__(self) -> None:
        anchored(self.id)


@dataclass(frozen=True, slots=True)
class Note:
    """A box. `gap`: what is not shown (cream, orange bar); `unknown`: hatched violet; `info`: the rest."""

    kind: Literal["gap", "info", "unknown"]
    text: Text
    title: str = ""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A page that another takes: the auditor's report, for one. `text` says who and when."""

    title: str
    text: Text


@dataclass(frozen=True, slots=True)
class Code:
    """Lines in the id font, kept as they are: commands, queries, hashes."""

    text: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows begins on a new page (PDF only)."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents: headings of two levels, then tables and figures, with page numbers and links."""

    title: str = "Contents"
    lists: bool = True


@dataclass(frozen=True, slots=True)
class Cover:
    """The first page. `facts` as in `Facts`; `statement` stands at its foot."""

    title: str
    client: str
    subtitle: str = ""
    facts: Sequence[tuple[str, Value]] = ()
    statement: Text = ""
    status: str = ""


Block: TypeAlias = (
    Heading
    | Paragraph
    | Points
    | Facts
    | KeyFigures
    | Table
    | ChartBlock
    | Note
    | Placeholder
    | Code
    | PageBreak
    | Contents
    | Cover
)


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under one running head. `key` names its files (`access.2`); `title` stands right in the head."""

    key: str
    title: str
    blocks: Sequence[Block]
    new_page: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report or package.

    `running` stands left in the head of each page, `footer` left in the foot (ledger head, size, issue date,
    version). `information` goes verbatim into the PDF's document information, e.g. `proofline BUNDLE ROOT`.
    `date` is the document's own fixed date: two builds give the same bytes.
    """

    title: str
    client: str
    running: str
    sections: Sequence[Section]
    footer: str = ""
    language: str = "en"
    paper: Paper = "A4"
    draft: bool = False
    information: str = ""
    date: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    zone: tzinfo = UTC
    thousands: str = THIN
    author: str = "Proofline"
    subject: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.date.tzinfo is None:
            raise ValueError("A document's date needs a zone.")
        if not self.information.isascii() or set(self.information) & set("()\\\r\n"):
            raise ValueError(
                "The information line is plain ASCII without brackets, so that it is found in the bytes."
            )
        ids = [block.id for block in self.blocks() if isinstance(block, Table | ChartBlock)]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(
                f"Tables and charts of one document need different ids; twice: {', '.join(twice)}."
            )

    def blocks(self) -> Iterator[Block]:
        """All blocks in order."""
        for section in self.sections:
            yield from section.blocks

    def tables(self) -> Iterator[tuple[Section, Table]]:
        """All tables with their sections, in order."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Table):
                    yield section, block


def fixed(rows: Sequence[Row]) -> Callable[[], Iterable[Row]]:
    """Rows that are already there, for a table's `rows`."""
    kept = tuple(tuple(row) for row in rows)
    return lambda: iter(kept)


__all__ = [
    "Align", "Block", "ChartBlock", "Code", "Column", "Condition", "Contents", "Cover", "Document", "Facts",
    "Figure", "Heading", "KeyFigures", "Kind", "Link", "Note", "PageBreak", "Paper", "Paragraph", "Placeholder",
    "Points", "Row", "Section", "State", "Table", "Target", "Text", "Value", "anchored", "fixed",
]  # fmt: skip
