"""Charts and marks as PDF operators: the same shapes that the page shows as SVG."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from reportlab.graphics.shapes import Circle, Drawing, Group, Path, Polygon, PolyLine, Rect, String

from reports.charts.shapes import mark
from reports.render.sheet import Sheet
from reports.render.typeset import Typesetter

CURVE: Final = 0.5523  # of a quarter circle by a Bézier


@lru_cache(maxsize=64)
def unit_mark(condition: str, size: float) -> str:
    """The operators of a mark around the origin."""
    return " ".join(shape_ops(shape, None) for shape in mark(condition, 0.0, 0.0, size))


def mark_ops(condition: str, x: float, y: float, size: float) -> str:
    """A mark, centered on a place."""
    return f"q 1 0 0 1 {x:.2f} {y:.2f} cm {unit_mark(condition, size)} Q"


def draw_drawing(sheet: Sheet, drawing: Drawing, x: float, y: float) -> None:
    """Draw a chart with its lower left corner at a place; its text has the fallbacks of all text."""
    sheet.ops.append(f"q 1 0 0 1 {x:.2f} {y:.2f} cm")
    sheet.ops += [shape_ops(shape, sheet.text) for shape in drawing.contents]
    sheet.ops.append("Q")


def color(value: Any, operator: str) -> str:
    """`r g b rg`. Translucent tones are mixed with white: no blending is needed on paper."""
    alpha = value.alpha
    red, green, blue = (1 - alpha + alpha * part for part in (value.red, value.green, value.blue))
    return f"{red:.3f} {green:.3f} {blue:.3f} {operator}"


def shape_ops(shape: Any, text: Typesetter | None) -> str:
    """The operators of one shape."""
    if isinstance(shape, Group):
        return " ".join(shape_ops(child, text) for child in shape.contents)
    if isinstance(shape, String):
        return string_ops(shape, text) if text else ""
    if isinstance(shape, PolyLine):
        dash = dash_ops(shape)
        return (
            f"q {color(shape.strokeColor, 'RG')} {shape.strokeWidth:g} w 1 j {dash}{joined(shape.points)} S Q"
        )
    if isinstance(shape, Rect):
        outline = (
            rounded(shape)
            if shape.rx
            else f"{shape.x:.2f} {shape.y:.2f} {shape.width:.2f} {shape.height:.2f} re"
        )
    elif isinstance(shape, Circle):
        outline = circle_path(shape.cx, shape.cy, shape.r)
    elif isinstance(shape, Polygon):
        outline = joined(shape.points) + " h"
    elif isinstance(shape, Path):
        outline = segments(shape)
    else:
        raise TypeError(f"A chart holds a {type(shape).__name__}, which has no PDF form.")
    return painted(shape, outline)


def painted(shape: Any, outline: str) -> str:
    """Fill and stroke as the shape has them."""
    filled = shape.fillColor is not None
    stroked = shape.strokeColor is not None and bool(shape.strokeWidth)
    parts = ["q"]
    if filled:
        parts.append(color(shape.fillColor, "rg"))
    if stroked:
        parts.append(f"{color(shape.strokeColor, 'RG')} {shape.strokeWidth:g} w {dash_ops(shape)}".rstrip())
    parts += [outline, "B" if filled and stroked else "f" if filled else "S" if stroked else "n", "Q"]
    return " ".join(parts)


def dash_ops(shape: Any) -> str:
    """The dash pattern, if there is one."""
    return (
        f"[{' '.join(f'{part:g}' for part in shape.strokeDashArray)}] 0 d " if shape.strokeDashArray else ""
    )


def string_ops(shape: String, text: Typesetter) -> str:
    """A label."""
    shown = text.printable(shape.text).replace("\n", " ")
    width = text.width(shown, "regular", shape.fontSize)
    x = shape.x - (width if shape.textAnchor == "end" else width / 2 if shape.textAnchor == "middle" else 0)
    operators = text.show(shown, "regular", shape.fontSize)
    return f"{color(shape.fillColor, 'rg')} BT 1 0 0 1 {x:.2f} {shape.y:.2f} Tm {operators} ET"


def joined(points: Any) -> str:
    """A path through points."""
    pairs = list(zip(points[::2], points[1::2], strict=True))
    return " ".join(f"{x:.2f} {y:.2f} {'l' if at else 'm'}" for at, (x, y) in enumerate(pairs))


def segments(path: Path) -> str:
    """A path of straight pieces."""
    points = iter(path.points)
    return " ".join(
        f"{next(points):.2f} {next(points):.2f} {'l' if operator else 'm'}" for operator in path.operators
    )


def circle_path(x: float, y: float, radius: float) -> str:
    """A circle of four curves."""
    bend = radius * CURVE
    left, right, low, high = x - radius, x + radius, y - radius, y + radius
    return " ".join([
        f"{right:.2f} {y:.2f} m",
        curve(right, y + bend, x + bend, high, x, high),
        curve(x - bend, high, left, y + bend, left, y),
        curve(left, y - bend, x - bend, low, x, low),
        curve(x + bend, low, right, y - bend, right, y),
        "h",
    ])  # fmt: skip


def curve(*points: float) -> str:
    """A Bézier through two control points."""
    return " ".join([*(f"{point:.2f}" for point in points), "c"])


def rounded(shape: Rect) -> str:
    """A rectangle with round corners."""
    x, y, width, height, radius = shape.x, shape.y, shape.width, shape.height, shape.rx
    bend = radius * (1 - CURVE)
    right, top = x + width, y + height
    return " ".join([
        f"{x + radius:.2f} {y:.2f} m {right - radius:.2f} {y:.2f} l",
        curve(right - bend, y, right, y + bend, right, y + radius),
        f"{right:.2f} {top - radius:.2f} l",
        curve(right, top - bend, right - bend, top, right - radius, top),
        f"{x + radius:.2f} {top:.2f} l",
        curve(x + bend, top, x, top - bend, x, top - radius),
        f"{x:.2f} {y + radius:.2f} l",
        curve(x, y + bend, x + bend, y, x + radius, y),
        "h",
    ])  # fmt: skip
