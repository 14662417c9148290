"""Charts: one definition (`definition`), one drawing (`draw`), as SVG (`svg`) and in the PDF (`reports.render`)."""

from reports.charts.definition import (
    Bar,
    Bars,
    Cell,
    Chart,
    Day,
    HeatMap,
    HeatRow,
    Line,
    Lines,
    Series,
    Share,
    Shares,
    Sparkline,
    Strip,
    alternative,
    figures,
)
from reports.charts.draw import draw
from reports.charts.svg import svg

__all__ = [
    "Bar", "Bars", "Cell", "Chart", "Day", "HeatMap", "HeatRow", "Line", "Lines", "Series", "Share", "Shares",
    "Sparkline", "Strip", "alternative", "draw", "figures", "svg",
]  # fmt: skip
