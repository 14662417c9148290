from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest
from reportlab.graphics.shapes import Circle, Group, Polygon

from reports.blocks.model import ChartBlock
from reports.charts import (
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
    draw,
    figures,
    svg,
)
from reports.charts.calendar import cell
from reports.charts.draw import axis_top
from reports.charts.shapes import mark
from reports.charts.tokens import TOKENS
from tests.reports.render.gallery import gallery

OUTCOME = (Series("p", "pass", "met"), Series("f", "fail", "deviation"), Series("u", "unknown", "unknown"))
CHARTS: list[Chart] = [block.chart for block in gallery().blocks() if isinstance(block, ChartBlock)]
EMPTY: list[Chart] = [
    Bars("b", OUTCOME, ()), Lines("l", (), ()), Strip("s", ()), HeatMap("h", (), ()), Shares("s", OUTCOME, ()),
    Sparkline("s", ()), Sparkline("s", (None, None)), Sparkline("s", (3,)), Lines("l", ("a",), (Line("x", (None,)),)),
    Bars("b", OUTCOME, (Bar("x", (0, 0, 0)),)),
]  # fmt: skip


def places(markup: str) -> list[float]:
    """Where shapes begin and end from left to right."""
    found: list[float] = []
    for element in ET.fromstring(markup).iter():  # noqa: S314  # our own SVG
        if element.tag.endswith("text"):
            continue
        if "x" in element.attrib:
            found += [float(element.attrib["x"]), float(element.attrib["x"]) + float(element.get("width", 0))]
        if "cx" in element.attrib:
            found.append(float(element.attrib["cx"]))
        found += [float(pair[0]) for pair in re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.get("points", ""))]
        found += [float(pair) for pair in re.findall(r"[ML](-?[\d.]+) ", element.get("d", ""))]
    return found


@pytest.mark.parametrize("width", [120.0, 220.0, 470.0, 573.0])
@pytest.mark.parametrize(
    "chart", [*CHARTS, *EMPTY], ids=lambda chart: f"{type(chart).__name__}-{chart.title[:12]}"
)
def test_nothing_of_a_chart_lies_outside_its_width(chart: Chart, width: float) -> None:
    assert all(-0.5 <= x <= width + 0.5 for x in places(svg(chart, width, ident="c")))
    assert draw(chart, width).height > 0


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: type(chart).__name__)
def test_the_page_gets_no_inline_style_and_only_the_houses_colors(chart: Chart) -> None:
    markup = svg(chart, 470, ident="c")
    assert "style=" not in markup
    assert "<script" not in markup
    colors = set(re.findall(r'(?:fill|stroke)="([^"]+)"', markup))
    assert colors <= {"none"} | {f"var(--{name},{light})" for name, (light, _) in TOKENS.items()}
    assert 'role="img"' in markup
    assert 'aria-labelledby="c-alt"' in markup


def test_words_from_outside_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    markup = svg(Bars(hostile, OUTCOME, (Bar(hostile, (1, 1, 1), href=f"/x?{hostile}"),)), 300, ident="c")
    assert "<script" not in markup
    ET.fromstring(markup)  # noqa: S314  # our own SVG: it must parse


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("met", [Circle]),
        ("deviation", [Polygon]),
        ("attention", [Polygon]),
        ("unknown", None),
        ("none", None),
    ],
)
def test_each_condition_has_a_shape_of_its_own(condition: str, kinds: list[type] | None) -> None:
    shapes = mark(condition, 0, 0, 10)
    assert len(shapes) >= 1
    if kinds:
        assert [type(shape) for shape in shapes] == kinds


def test_the_six_states_of_a_day_differ_without_color() -> None:
    def outline(state: str) -> tuple[object, ...]:
        return tuple(
            (
                type(one).__name__,
                len(getattr(one, "points", ())),
                bool(getattr(one, "strokeDashArray", None)),
                tuple(getattr(one, "points", ()))[:4],
            )
            for one in cell(state, 0, 0, 10, 10)  # type: ignore[arg-type]
        )

    outlines = [outline(state) for state in ("pass", "fail", "attention", "unknown", "none", "gap")]
    assert len(set(outlines)) == 6


def test_a_bar_without_input_is_hatched_and_not_zero_in_the_table() -> None:
    chart = Bars("b", OUTCOME, (Bar("w1", (5, 1, 0)), Bar("w2", (0, 0, 0), gap=True)), "Week")
    heads, rows = figures(chart)
    assert heads == ("Week", "pass", "fail", "unknown")
    assert rows == (("w1", 5, 1, 0), ("w2", None, None, None))
    assert "nothing received" in svg(chart, 300, ident="c")
    assert "Nothing was received for 1 of 2." in alternative(chart)


def test_a_bar_with_a_deviation_carries_a_triangle_however_small_the_deviation_is() -> None:
    drawn = draw(Bars("b", OUTCOME, (Bar("w", (100_000, 1, 0)),)), 300)
    bars = [group for group in drawn.contents if isinstance(group, Group)]
    assert any(isinstance(shape, Polygon) for shape in bars[0].contents)
    assert min(shape.height for shape in bars[0].contents if hasattr(shape, "height")) >= 2


def test_cells_and_bars_lead_to_their_lists() -> None:
    chart = HeatMap(
        "h", ("1", "2"), (HeatRow("a", (Cell("covered", href="/d/1"), Cell("gap", href="/d/2"))),)
    )
    assert re.findall(r'<a href="([^"]+)"', svg(chart, 300, ident="c")) == ["/d/1", "/d/2"]


def test_a_year_is_a_row_per_month_and_a_month_a_single_row() -> None:
    start = date(2026, 1, 1)
    year = Strip("s", [Day(start + timedelta(at), "pass") for at in range(365)])
    month = Strip("s", [Day(start + timedelta(at), "pass") for at in range(31)])
    assert svg(year, 470, ident="c").count(">Feb<") == 1
    assert draw(year, 470).height > draw(month, 470).height * 3


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 1), (1, 1), (7, 7), (10, 10), (11, 12), (69, 70), (101, 120), (999, 1000), (1204, 1500)],
)
def test_an_axis_ends_at_a_round_number_above_the_highest(highest: int, top: int) -> None:
    assert axis_top(highest) == top


def test_the_alternative_says_what_was_counted() -> None:
    assert alternative(Shares("Members", OUTCOME, (Share("CC6", (1194, 3, 7)),))) == (
        "Members. In all: pass 1,194, fail 3, unknown 7, over 1 row."
    )
    assert alternative(Sparkline("Open", (3, None, 1))) == "Open. From 1 to 3, last 1, 1 unknown."
