"""Tables straight on the canvas: widths from a sample, one pass over the rows, heads repeated, rows kept whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from reports.blocks.inline import as_spans
from reports.blocks.model import Align, Column, Kind, Table
from reports.blocks.values import Link, Row, State, Target, Value, Wording
from reports.render.marks import mark_ops
from reports.render.sheet import FILL, STROKE, Sheet
from reports.render.typeset import Style

SIZE: Final = 8.5
CODE_SIZE: Final = 7.9
LEADING: Final = 11.0
ABOVE: Final = 3.9
BELOW: Final = 3.4
PAD: Final = 4.5
SAMPLE: Final = 400
TITLE_SIZE: Final = 10.5
NOTE_SIZE: Final = 8.0
STYLES: Final[dict[Kind, Style]] = {"id": "mono", "code": "mono"}
UNBROKEN: Final[frozenset[Kind]] = frozenset({"id", "number", "rate", "time", "date", "duration"})
MARK_ROOM: Final = 9.0
SMALLEST: Final = 0.6  # how far an id or number may shrink to stay whole
COUNTED_FROM: Final = 30
TREE_ROWS: Final = 100


@dataclass(slots=True)
class Cell:
    """A cell ready to be drawn: its lines, color, mark and where it leads."""

    lines: list[str]
    style: Style
    size: float
    token: str = "ink"
    mark: str = ""
    target: str = ""
    anchor: str = ""


class TableLayout:
    """One table being printed. Reads its rows once, from a single iterator."""

    def __init__(self, sheet: Sheet, table: Table, label: str, wording: Wording) -> None:
        self.sheet = sheet
        self.table = table
        self.label = label
        self.wording = wording
        self.columns = list(table.columns)
        rows = iter(table.rows())
        self.sample = list(islice(rows, SAMPLE))
        self.more = rows
        self.styles: list[Style] = [STYLES.get(column.kind, "regular") for column in self.columns]
        self.sizes = [CODE_SIZE if style == "mono" else SIZE for style in self.styles]
        self.unbroken = [column.kind in UNBROKEN for column in self.columns]
        self.widths = self.fit()
        # Where each column's text may stand: left edge and inner width
        self.lefts: list[float] = []
        x = sheet.left
        for width in self.widths:
            self.lefts.append(x + PAD)
            x += width
        self.inner = [width - 2 * PAD for width in self.widths]
        self.plain = self.plain_columns()
        self.heads = [
            sheet.text.wrap(sheet.text.printable(column.title, "semibold"), "semibold", 8.2, self.inner[at])
            for at, column in enumerate(self.columns)
        ]
        self.tree: int | None = None
        self.head_height = max(len(lines) for lines in self.heads) * 10.2 + 6.5

    # -- widths --------------------------------------------------------------------------------------------

    def fit(self) -> list[float]:
        """Column widths that fill the measure: everything on one line if it fits, else words kept whole."""
        sheet = self.sheet
        available = sheet.measure - 2 * PAD * len(self.columns)
        needs = [self.needs(at, column, available) for at, column in enumerate(self.columns)]
        titles = [
            sheet.text.width(sheet.text.printable(one.title, "semibold"), "semibold", 8.2)
            for one in self.columns
        ]
        least = [low for low, _ in needs]
        wanted = [high for _, high in needs]
        roomy = [
            high if one.width else max(high, title)
            for one, high, title in zip(self.columns, wanted, titles, strict=True)
        ]
        # Titles break over lines before cells do
        inner = share_out(self.columns, least, roomy if sum(roomy) <= available else wanted, available)
        return [width + 2 * PAD for width in inner]

    def needs(self, at: int, column: Column, available: float) -> tuple[float, float]:
        """Least and wanted inner width of a column, from its title, its hint and the sampled rows."""
        text = self.sheet.text
        title = text.printable(column.title, "semibold")
        low = high = max(text.width(word, "semibold", 8.2) for word in title.split(" "))
        style, size = self.styles[at], self.sizes[at]
        unbroken = column.kind in UNBROKEN
        for row in self.sample:
            room = MARK_ROOM if isinstance(row[at], State) else 0.0
            shown = text.printable(self.wording.text(row[at]), style)
            whole = max(text.width(line, style, size) for line in shown.split("\n")) + room
            high = max(high, whole)
            if unbroken:
                low = max(low, whole)
            else:
                longest = max((text.width(word, style, size) for word in shown.split()), default=0.0)
                low = max(low, min(longest, available * 0.3))
        if unbroken and len(self.sample) == SAMPLE:
            slack = self.slack(column, style, size)
            low, high = low + slack, max(high, low + slack)
        if column.width:
            return min(low, column.width), column.width
        return min(low, available * 0.5), max(high, low)

    def slack(self, column: Column, style: Style, size: float) -> float:
        """Room for what rows after the sample may hold: more digits, a wider month."""
        text = self.sheet.text
        if column.kind == "number":
            return text.width(f"000{text.printable(self.wording.thousands)}", style, size)
        if column.kind in {"time", "date"}:
            return text.width("0", style, size) * 1.6
        return text.width("0", style, size)

    def plain_columns(self) -> list[tuple[float, float, Align]]:
        """Left edge, inner width and side of each column."""
        return [(self.lefts[at], self.inner[at], column.side) for at, column in enumerate(self.columns)]

    # -- cells ---------------------------------------------------------------------------------------------

    def cell(self, at: int, value: Value) -> Cell:
        """A value as a cell."""
        text = self.sheet.text
        style, size = self.styles[at], self.sizes[at]
        cell = Cell([], style, size)
        room = self.inner[at]
        if isinstance(value, State):
            cell.mark = value.condition
            room -= MARK_ROOM
        elif isinstance(value, Link):
            cell.target = f"#{value.anchor}" if value.anchor else value.href if "://" in value.href else ""
            cell.token = "accent" if cell.target else "ink"
        elif isinstance(value, Target):
            cell.anchor = value.anchor
        elif value is None:
            cell.token = "ink-3"
        shown = text.printable(value if isinstance(value, str) else self.wording.text(value), style)
        if (
            self.unbroken[at]
            and (long := text.width(shown, style, size)) > room >= long * SMALLEST
            and "\n" not in shown
        ):
            cell.size = size * room / long  # a digit too many: smaller rather than broken
            cell.lines = [shown]
        else:
            cell.lines = text.wrap(shown, style, size, room)
        return cell

    def laid(self, row: Row) -> list[Cell]:
        """A row's cells. ValueError when it has not one value per column."""
        if len(row) != len(self.columns):
            raise ValueError(
                f"Table {self.table.id} has {len(self.columns)} columns, but a row has {len(row)} values."
            )
        return [self.cell(at, value) for at, value in enumerate(row)]

    # -- heights -------------------------------------------------------------------------------------------

    def title_lines(self) -> list[str]:
        """The title with its number."""
        title = f"{self.label}. {self.table.title}" if self.label else self.table.title
        text = self.sheet.text
        return text.wrap(text.printable(title, "semibold"), "semibold", TITLE_SIZE, self.sheet.measure)

    def first_height(self) -> float:
        """What must stay together: title, head and two rows; a small table altogether."""
        heights = [row_height(self.laid(row)) for row in self.sample[:12]]
        body: float = sum(heights[:2]) if heights else 16.0
        if len(self.sample) <= 12 and sum(heights) < self.sheet.measure * 0.5:
            body = sum(heights) + (14 if self.table.note else 0)
        full: float = self.sheet.top - self.sheet.bottom
        return min(len(self.title_lines()) * 14 + 5 + self.head_height + body, full)

    # -- drawing -------------------------------------------------------------------------------------------

    def draw(self) -> int:
        """Print the table from `y` on, over as many pages as it takes. Returns the number of rows."""
        sheet = self.sheet
        sheet.need(self.first_height())
        sheet.place(self.table.id, sheet.y)
        with sheet.tagged("H3"):
            for line in self.title_lines():
                sheet.put(sheet.left, sheet.y - TITLE_SIZE, line, "semibold", TITLE_SIZE)
                sheet.y -= 14
        sheet.y -= 3
        # A cell-by-cell tree for tables that a person reads; of a long one each page is one element
        self.tree = sheet.tags.hold("Table") if 0 < len(self.sample) <= TREE_ROWS else None
        self.head()
        if not self.sample:
            with sheet.tagged("P"):
                empty = sheet.text.wrap(
                    sheet.text.printable(self.table.empty), "regular", SIZE, sheet.measure - 2 * PAD
                )
                for line in empty:
                    sheet.put(sheet.left + PAD, sheet.y - ABOVE - 7.4, line, "regular", SIZE, "ink-2")
                    sheet.y -= LEADING
            sheet.y -= ABOVE + BELOW
            with sheet.artifact():
                sheet.rule(sheet.left, sheet.right, sheet.y, "line", 0.5)
            count = 0
        else:
            count = self.body(chain(self.sample, self.more))
        if self.table.row_count is not None and count != self.table.row_count:
            raise ValueError(
                f"Table {self.table.id} was to have {self.table.row_count} rows, but {count} came."
            )
        self.foot(count)
        return count

    def head(self, *, repeated: bool = False) -> None:
        """Column titles over a strong rule, standing on its line. A repeated head is not read aloud again."""
        sheet = self.sheet
        row = None if repeated or self.tree is None else sheet.tags.hold("TR", self.tree)
        for at, lines in enumerate(self.heads):
            with sheet.artifact() if repeated else sheet.tagged("TH" if row else "P", parent=row):
                for index, line in enumerate(lines):
                    y = sheet.y - self.head_height + 6 + (len(lines) - 1 - index) * 10.2
                    width = sheet.text.width(line, "semibold", 8.2)
                    x = placed(self.columns[at].side, self.lefts[at], self.inner[at], width)
                    sheet.put(x, y, line, "semibold", 8.2)
        sheet.y -= self.head_height
        with sheet.artifact():
            sheet.rule(sheet.left, sheet.right, sheet.y, "ink", 0.9)

    def continued(self) -> None:
        """The table's name above its repeated head."""
        sheet = self.sheet
        sheet.turn()
        name = f"{self.label}, continued" if self.label else f"{self.table.title}, continued"
        with sheet.artifact():
            sheet.put(
                sheet.left,
                sheet.y - 8,
                sheet.cut(name, "regular", 7.5, sheet.measure),
                "regular",
                7.5,
                "ink-3",
            )
        sheet.y -= 12
        self.head(repeated=True)

    def body(self, rows: Iterator[Row]) -> int:
        """All rows, one chunk of operators per page. The last row is not left alone on a page."""
        count = 0
        chunk = Chunk(self)
        pending: list[list[Cell]] = []
        for row in rows:
            count += 1
            pending.append(self.laid(row))
            if len(pending) > 2:
                chunk = self.print_row(chunk, pending.pop(0))
        if len(pending) == 2 and chunk.rows:
            chunk = self.kept_together(chunk, pending)
        for cells in pending:
            chunk = self.print_row(chunk, cells)
        chunk.close()
        return count

    def kept_together(self, chunk: Chunk, last_two: list[list[Cell]]) -> Chunk:
        """The next page already, when otherwise only the very last row would stand on it."""
        sheet = self.sheet
        first, both = row_height(last_two[0]), sum(row_height(cells) for cells in last_two)
        room = sheet.y - sheet.bottom
        if first <= room < both <= sheet.top - sheet.bottom - self.head_height - 12:
            chunk.close()
            self.continued()
            return Chunk(self)
        return chunk

    def print_row(self, chunk: Chunk, cells: list[Cell]) -> Chunk:
        """One row on this page, or on the next when it would be cut."""
        sheet = self.sheet
        height = row_height(cells)
        if sheet.y - height < sheet.bottom:
            if height <= sheet.top - sheet.bottom - self.head_height - 12 or chunk.rows:
                chunk.close()
                self.continued()
                chunk = Chunk(self)
            while height > sheet.y - sheet.bottom:  # taller than a page: only then is a row continued
                fits = max(int((sheet.y - sheet.bottom - ABOVE - BELOW) // LEADING), 1)
                upper = [upper_part(cell, fits) for cell in cells]
                cells = [lower_part(cell, fits) for cell in cells]
                chunk.add(upper, rule=False)
                chunk.close()
                self.continued()
                chunk = Chunk(self)
                height = row_height(cells)
        chunk.add(cells, rule=True)
        return chunk

    def foot(self, count: int) -> None:
        """The number of rows of a long table, and the note."""
        sheet = self.sheet
        sheet.y -= 4
        if count >= COUNTED_FROM:
            text = f"{self.wording.number(count)} rows."
            with sheet.tagged("P"):
                if sheet.room < 12:
                    sheet.turn()
                sheet.put(sheet.left + PAD, sheet.y - 8, text, "regular", NOTE_SIZE, "ink-3")
            sheet.y -= 12
        if self.table.note:
            lines = sheet.text.lay(as_spans(self.table.note), sheet.measure - 2 * PAD, NOTE_SIZE)
            sheet.need(min(len(lines), 3) * 10.5)
            for line in lines:
                sheet.need(10.5)
                with sheet.tagged("P"):
                    sheet.put_line(sheet.left + PAD, sheet.y - 8, line, NOTE_SIZE, "ink-2")
                sheet.y -= 10.5
        sheet.y -= 14


class Chunk:
    """The rows of one page: text in one text object, then all rules in one stroke."""

    def __init__(self, layout: TableLayout) -> None:
        self.layout = layout
        self.ops: list[str] = []
        self.rules: list[str] = []
        self.extra: list[str] = []
        self.rows = 0
        self.font = ""
        self.token = "ink"

    def add(self, cells: Sequence[Cell], *, rule: bool) -> None:
        """Append a row at the sheet's `y` and move it."""
        layout, sheet = self.layout, self.layout.sheet
        top = sheet.y - ABOVE - 7.4
        ops = self.ops
        tallest = 1
        row = None if layout.tree is None else sheet.tags.hold("TR", layout.tree)
        for (left, inner, side), cell in zip(layout.plain, cells, strict=True):
            lines = cell.lines
            if len(lines) > tallest:
                tallest = len(lines)
            if cell.token != self.token:
                self.token = cell.token
                ops.append(FILL[cell.token])
            if row is not None:
                ops.append(f"/TD <</MCID {sheet.tags.begin('TD', parent=row)}>> BDC")
            offset = 0.0
            if cell.mark:
                offset = MARK_ROOM
                self.extra.append(mark_ops(cell.mark, left + 3.2, top + 2.8, 5.6))
            self.lines(cell, left + offset, inner - offset, side, top)
            if row is not None:
                ops.append("EMC")
            if cell.target:
                widest = max(sheet.text.width(line, cell.style, cell.size) for line in lines)
                start = placed(side, left + offset, inner - offset, widest)
                low = top - (len(lines) - 1) * LEADING - 2.5
                sheet.link(start, low, start + widest, top + 8, cell.target)
            if cell.anchor:
                sheet.place(cell.anchor, top + 8)
        sheet.y -= tallest * LEADING + ABOVE + BELOW
        if rule:
            self.rules.append(f"{sheet.left:.2f} {sheet.y:.2f} m {sheet.right:.2f} {sheet.y:.2f} l")
        self.rows += 1

    def lines(self, cell: Cell, left: float, inner: float, side: Align, top: float) -> None:
        """The lines of one cell. Each of several ends with a space, for whoever hears or copies them."""
        ops, text, size = self.ops, self.layout.sheet.text, cell.size
        spaced = len(cell.lines) > 1 and cell.style != "mono"
        for at, line in enumerate(cell.lines):
            x = left if side == "left" else placed(side, left, inner, text.width(line, cell.style, size))
            move = f"1 0 0 1 {x:.2f} {top - at * LEADING:.2f} Tm "
            for name, shown in text.encoded(line, cell.style):
                font = f"{name} {size:.4g} Tf"
                if font != self.font:
                    self.font = font
                    ops.append(font)
                ops.append(f"{move}({shown}) Tj")
                move = ""  # a further run goes on where the first ended
            if spaced:
                ops.append("( ) Tj")

    def close(self) -> None:
        """Write the chunk into the page."""
        if not self.rows:
            return
        sheet = self.layout.sheet
        with sheet.tagged("P") if self.layout.tree is None else nullcontext():
            sheet.ops.append(f"{FILL['ink']} BT")
            sheet.ops += self.ops
            sheet.ops.append("ET")
        with sheet.artifact():
            sheet.ops += self.extra
            if self.rules:
                sheet.ops.append(f"{STROKE['line']} 0.5 w")
                sheet.ops += self.rules
                sheet.ops.append("S")
        self.rows = 0


def row_height(cells: Sequence[Cell]) -> float:
    """The height of a row: its tallest cell."""
    return max(len(cell.lines) for cell in cells) * LEADING + ABOVE + BELOW


def upper_part(cell: Cell, lines: int) -> Cell:
    """The first lines of a cell, with its mark and anchor."""
    return Cell(cell.lines[:lines], cell.style, cell.size, cell.token, cell.mark, cell.target, cell.anchor)


def lower_part(cell: Cell, lines: int) -> Cell:
    """The rest of a cell."""
    return Cell(cell.lines[lines:] or [""], cell.style, cell.size, cell.token, "", cell.target)


def placed(side: str, left: float, inner: float, width: float) -> float:
    """Where text of that width begins."""
    if side == "right":
        return left + inner - width
    return left + (inner - width) / 2 if side == "center" else left


def share_out(
    columns: Sequence[Column], least: list[float], wanted: list[float], available: float
) -> list[float]:
    """Inner widths whose sum is exactly what is available."""
    if sum(wanted) <= available:
        spare = available - sum(wanted)
        takers = [at for at, column in enumerate(columns) if column.kind == "text" and not column.width]
        takers = takers or [at for at, column in enumerate(columns) if column.side == "left"][-1:] or [0]
        weights = [wanted[at] + 20 for at in takers]
        widths = list(wanted)
        for at, weight in zip(takers, weights, strict=True):
            widths[at] += spare * weight / sum(weights)
        return widths
    if sum(least) <= available:
        return fair(least, wanted, available)
    # Not even the longest words fit: the narrow columns keep theirs, the wide ones share what is left
    cap = level(least, available)
    return [min(width, cap) for width in least]


def fair(least: list[float], wanted: list[float], available: float) -> list[float]:
    """Short columns stay on one line; the long ones share the rest, none below its longest word."""
    fixed: dict[int, float] = {}
    while True:
        free = [at for at in range(len(least)) if at not in fixed]
        if not free:
            return [fixed[at] for at in range(len(least))]
        room = available - sum(fixed.values())
        cap = level([wanted[at] for at in free], room)
        tight = {at: least[at] for at in free if least[at] > min(wanted[at], cap)}
        if not tight:
            widths = [fixed.get(at, min(wanted[at], cap)) for at in range(len(least))]
            # Between the long ones, more for those with more to say
            long = [at for at in free if wanted[at] > cap]
            pool = sum(widths[at] for at in long)
            weights = {at: wanted[at] ** 0.5 for at in long}
            for at in long:
                asked = pool * weights[at] / sum(weights.values())
                widths[at] = min(max(asked, least[at]), wanted[at])
            slack = (available - sum(widths)) / len(long) if long else 0.0
            for at in long:
                widths[at] += slack
            return widths
        fixed |= tight


def level(least: list[float], available: float) -> float:
    """The cap at which the capped widths add up to what is available."""
    ordered = sorted(least)
    for at, width in enumerate(ordered):
        cap = (available - sum(ordered[:at])) / (len(ordered) - at)
        if cap <= width:
            return cap
    return available
