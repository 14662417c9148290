"""Charts in the PDF: title, drawing, and where asked the table of the same figures."""

from __future__ import annotations

from reports.blocks.model import ChartBlock, Column, Table, fixed
from reports.blocks.values import Wording
from reports.charts import alternative, draw, figures
from reports.render.marks import draw_drawing
from reports.render.sheet import Sheet
from reports.render.tables import TITLE_SIZE, TableLayout


class FigureLayout:
    """One chart being printed; never parted from its title."""

    def __init__(self, sheet: Sheet, block: ChartBlock, label: str, wording: Wording) -> None:
        self.sheet = sheet
        self.block = block
        self.wording = wording
        self.drawing = draw(block.chart, sheet.measure, thousands=wording.thousands)
        # A very long heat map: smaller rather than cut
        self.scale: float = min(1.0, (sheet.top - sheet.bottom - 40) / self.drawing.height)
        self.height: float = self.drawing.height * self.scale
        title = sheet.text.printable(f"{label}. {block.chart.title}", "semibold")
        self.titles = sheet.text.wrap(title, "semibold", TITLE_SIZE, sheet.measure)

    def first_height(self) -> float:
        """Title and drawing."""
        return len(self.titles) * 14 + 6 + self.height + 4

    def draw(self) -> None:
        """Print title and drawing, and the table behind it where asked."""
        sheet = self.sheet
        sheet.need(self.first_height())
        sheet.place(self.block.id, sheet.y)
        with sheet.tagged("H3"):
            for line in self.titles:
                sheet.put(sheet.left, sheet.y - TITLE_SIZE, line, "semibold", TITLE_SIZE)
                sheet.y -= 14
        sheet.y -= 6 + self.height
        with sheet.tagged("Figure", alternative(self.block.chart)):
            if self.scale != 1.0:
                sheet.ops.append(f"q {self.scale:.4f} 0 0 {self.scale:.4f} {sheet.left:.2f} {sheet.y:.2f} cm")
                draw_drawing(sheet, self.drawing, 0, 0)
                sheet.ops.append("Q")
            else:
                draw_drawing(sheet, self.drawing, sheet.left, sheet.y)
        sheet.y -= 20
        if self.block.table_in_pdf:
            self.table()

    def table(self) -> None:
        """The same figures as a table."""
        heads, rows = figures(self.block.chart)
        numeric = [all(isinstance(row[at], int | None) for row in rows) for at in range(len(heads))]
        columns = [
            Column(f"c{at}", head, kind="number" if numeric[at] and at else "text")
            for at, head in enumerate(heads)
        ]
        table = Table(f"{self.block.id}-figures", "The same figures", columns, fixed(rows), numbered=False)
        TableLayout(self.sheet, table, "", self.wording).draw()
