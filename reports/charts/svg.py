"""A chart's drawing as SVG for the page: colors are the page's variables, so that light and dark both work.

The content-security policy allows no inline style, so colors are presentation attributes (`fill="var(--met,…)"`)
and nothing here writes `style=` or script. Text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

from reportlab.graphics.shapes import Circle, Drawing, Group, Path, Polygon, PolyLine, Rect, String

from reports.charts.definition import Chart, alternative
from reports.charts.draw import draw
from reports.charts.tokens import Tone


def svg(
    chart: Chart, width: float, *, ident: str, thousands: str = "\u202f", css_class: str = "chart"
) -> str:
    """The chart as one `<svg>` element. `ident` must be unique on the page; sizes are CSS pixels at 100 %."""
    sheet = draw(chart, width, thousands=thousands)
    spoken = escape(alternative(chart))
    body = "".join(element(shape, sheet.height) for shape in sheet.contents)
    return (
        f'<svg class="{escape(css_class)}" role="img" aria-labelledby="{escape(ident)}-alt" '
        f'viewBox="0 0 {coordinate(sheet.width)} {coordinate(sheet.height)}" width="{coordinate(sheet.width)}" '
        f'height="{coordinate(sheet.height)}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{escape(ident)}-alt">{spoken}</title>{body}</svg>'
    )


def drawing_svg(sheet: Drawing) -> str:
    """The shapes of a drawing without a frame, for tests and pictures."""
    return "".join(element(shape, sheet.height) for shape in sheet.contents)


def coordinate(value: float) -> str:
    """Up to two decimals, without needless zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def paint(shape: Any) -> str:
    """The presentation attributes of a shape."""
    parts = [f'fill="{color(shape.fillColor)}"']
    if isinstance(shape.fillColor, Tone) and shape.fillColor.alpha < 1:
        parts.append(f'fill-opacity="{coordinate(shape.fillColor.alpha)}"')
    if shape.strokeColor is not None and shape.strokeWidth:
        parts += [f'stroke="{color(shape.strokeColor)}"', f'stroke-width="{coordinate(shape.strokeWidth)}"']
        if shape.strokeDashArray:
            parts.append(f'stroke-dasharray="{" ".join(coordinate(part) for part in shape.strokeDashArray)}"')
    return " ".join(parts)


def color(value: Any) -> str:
    """`var(--met,#1b7f4d)`, or `none`."""
    return f"var(--{value.token},{value.rgb_hex()})" if isinstance(value, Tone) else "none"


def element(shape: Any, height: float) -> str:
    """One shape. reportlab counts up from the bottom, SVG down from the top."""
    if isinstance(shape, Group):
        return group(shape, height)
    if isinstance(shape, Rect):
        corner = f' rx="{coordinate(shape.rx)}"' if shape.rx else ""
        return (
            f'<rect x="{coordinate(shape.x)}" y="{coordinate(height - shape.y - shape.height)}" '
            f'width="{coordinate(shape.width)}" height="{coordinate(shape.height)}"{corner} {paint(shape)}/>'
        )
    if isinstance(shape, Circle):
        return (
            f'<circle cx="{coordinate(shape.cx)}" cy="{coordinate(height - shape.cy)}" r="{coordinate(shape.r)}" '
            f"{paint(shape)}/>"
        )
    if isinstance(shape, String):
        anchor = "" if shape.textAnchor == "start" else f' text-anchor="{shape.textAnchor}"'
        return (
            f'<text x="{coordinate(shape.x)}" y="{coordinate(height - shape.y)}" '
            f'font-size="{coordinate(shape.fontSize)}"{anchor} fill="{color(shape.fillColor)}">'
            f"{escape(shape.text)}</text>"
        )
    if isinstance(shape, Path):
        return f'<path d="{path_steps(shape, height)}" {paint(shape)}/>'
    if isinstance(shape, Polygon | PolyLine):
        pairs = " ".join(
            f"{coordinate(x)},{coordinate(height - y)}"
            for x, y in zip(shape.points[::2], shape.points[1::2], strict=True)
        )
        if isinstance(shape, Polygon):
            return f'<polygon points="{pairs}" {paint(shape)}/>'
        dash = (
            f' stroke-dasharray="{" ".join(coordinate(part) for part in shape.strokeDashArray)}"'
            if shape.strokeDashArray
            else ""
        )
        return (
            f'<polyline points="{pairs}" fill="none" stroke="{color(shape.strokeColor)}" '
            f'stroke-width="{coordinate(shape.strokeWidth)}" stroke-linejoin="round"{dash}/>'
        )
    raise TypeError(f"A chart holds a {type(shape).__name__}, which has no SVG form.")


def group(shape: Group, height: float) -> str:
    """A group with its title; a link where it leads somewhere."""
    inner = "".join(element(child, height) for child in shape.contents)
    label = getattr(shape, "_label", "")
    title = f"<title>{escape(label)}</title>" if label else ""
    href = getattr(shape, "_href", "")
    if href:
        return f'<a href="{escape(href)}" aria-label="{escape(label)}">{title}{inner}</a>'
    return f"<g>{title}{inner}</g>"


def path_steps(path: Path, height: float) -> str:
    """The `d` of a path made of straight segments."""
    steps: list[str] = []
    points = iter(path.points)
    for operator in path.operators:
        if operator not in {0, 1}:  # move and line; our charts have no curves
            raise ValueError("A chart's path may hold straight lines only.")
        x, y = next(points), next(points)
        steps.append(f"{'M' if operator == 0 else 'L'}{coordinate(x)} {coordinate(height - y)}")
    return "".join(steps)
