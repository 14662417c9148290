"""Small shapes that charts are made of, as reportlab.graphics shapes with token colors."""

from __future__ import annotations

from typing import Any, Final

from reportlab.graphics.shapes import Circle, Drawing, Group, Path, Polygon, Rect, String

from reports.charts.tokens import Tone

LABEL_SIZE: Final = 7.5
TICK: Final = 8.0


def rect(
    x: float, y: float, width: float, height: float, token: str, alpha: float = 1.0, radius: float = 0
) -> Rect:
    """A filled rectangle without outline."""
    return Rect(
        x,
        y,
        width,
        height,
        rx=radius,
        ry=radius,
        fillColor=Tone(token, alpha),
        strokeColor=None,
        strokeWidth=0,
    )


def outline(
    x: float, y: float, width: float, height: float, token: str, *, dashed: bool = False, fill: str | None = None,
    radius: float = 0, weight: float = 0.5,
) -> Rect:  # fmt: skip
    """A rectangle with an outline, dashed for what does not apply."""
    return Rect(
        x, y, width, height, rx=radius, ry=radius, fillColor=Tone(fill) if fill else None, strokeColor=Tone(token),
        strokeWidth=weight, strokeDashArray=[1.5, 1.2] if dashed else None,
    )  # fmt: skip


def rule(x1: float, y1: float, x2: float, y2: float, token: str, weight: float = 0.5) -> Path:
    """A straight line."""
    return strokes([((x1, y1), (x2, y2))], token, weight)


def strokes(
    segments: list[tuple[tuple[float, float], tuple[float, float]]], token: str, weight: float
) -> Path:
    """Many straight segments as one path: a hatched cell is one shape, not ten."""
    path = Path(strokeColor=Tone(token), strokeWidth=weight, fillColor=None)
    for (x1, y1), (x2, y2) in segments:
        path.moveTo(round(x1, 2), round(y1, 2))
        path.lineTo(round(x2, 2), round(y2, 2))
    return path


def hatching(
    x: float, y: float, width: float, height: float, *, step: float = 3.0, falling: bool = False
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The segments of 45° lines that fill a rectangle; `falling` ones lean the other way."""
    found = []
    offset = step / 2 - height
    while offset < width:
        # the line through (x + offset, y) going up and right, cut to the rectangle
        left, right = max(offset, 0.0), min(offset + height, width)
        if right > left:
            low, high = left - offset, right - offset
            if falling:
                found.append(((x + left, y + height - low), (x + right, y + height - high)))
            else:
                found.append(((x + left, y + low), (x + right, y + high)))
        offset += step
    return found


def hatched(
    x: float, y: float, width: float, height: float, *, token: str = "unknown", step: float = 3.0,
    falling: bool = False, border: bool = True,
) -> list[Any]:  # fmt: skip
    """A hatched rectangle on its pale ground."""
    ground = f"{token}-ground"
    shapes: list[Any] = [rect(x, y, width, height, ground)]
    lines = hatching(x, y, width, height, step=step, falling=falling)
    if lines:
        shapes.append(strokes(lines, token, 0.55))
    if border:
        shapes.append(outline(x, y, width, height, token, weight=0.35))
    return shapes


def unknown(x: float, y: float, width: float, height: float) -> list[Any]:
    """What was received and could not be judged: hatched with an outline."""
    return hatched(x, y, width, height, step=2.6)


def missing(x: float, y: float, width: float, height: float) -> list[Any]:
    """What was never received: hatched the other way, without an outline."""
    return hatched(x, y, width, height, step=2.6, falling=True, border=False)


def triangle(x: float, y: float, size: float, token: str = "deviation") -> Polygon:
    """A triangle standing on its base, centered on (x, y)."""
    half = size / 2
    points = [x - half, y - half * 0.8, x + half, y - half * 0.8, x, y + half * 0.9]
    return Polygon(points=points, fillColor=Tone(token), strokeColor=None, strokeWidth=0)


def diamond(x: float, y: float, size: float, token: str = "attention") -> Polygon:
    """A square on its corner, centered on (x, y)."""
    half = size / 2
    return Polygon(
        points=[x - half, y, x, y - half, x + half, y, x, y + half], fillColor=Tone(token), strokeColor=None,
        strokeWidth=0,
    )  # fmt: skip


def circle(x: float, y: float, size: float, token: str = "met") -> Circle:
    """A filled circle, centered on (x, y)."""
    return Circle(x, y, size / 2, fillColor=Tone(token), strokeColor=None, strokeWidth=0)


def mark(condition: str, x: float, y: float, size: float) -> list[Any]:
    """The mark of a condition, centered on (x, y): the shape says what the color says."""
    if condition == "met":
        return [circle(x, y, size * 0.9)]
    if condition == "deviation":
        return [triangle(x, y, size)]
    if condition == "attention":
        return [diamond(x, y, size * 1.1)]
    half = size * 0.45
    if condition == "unknown":
        lines = hatching(x - half, y - half, 2 * half, 2 * half, step=size * 0.34)
        return [strokes(lines, "unknown", size * 0.1)]
    return [outline(x - half, y - half, 2 * half, 2 * half, "none", dashed=True, weight=size * 0.1)]


def words(
    x: float, y: float, text: str, token: str = "ink-3", size: float = LABEL_SIZE, anchor: str = "start"
) -> String:
    """Text at its baseline."""
    return String(x, y, text, fontSize=size, fontName="Helvetica", fillColor=Tone(token), textAnchor=anchor)


def linked(shapes: list[Any], href: str, label: str) -> Group:
    """Shapes that belong together: on the page they have a title (hover, screen reader) and may be a link."""
    group = Group(*shapes)
    group._href = href
    group._label = label
    return group


def drawing(width: float, height: float, shapes: list[Any]) -> Drawing:
    """The drawing that holds them."""
    sheet = Drawing(width, height)
    for shape in shapes:
        sheet.add(shape)
    return sheet


def estimate(text: str, size: float = LABEL_SIZE) -> float:
    """Roughly how wide a label is; charts need it only to keep labels apart."""
    return (
        sum(
            0.3 if char in "il.,:;|'·tfj" else 0.72 if char.isupper() or char in "mw%" else 0.57
            for char in text
        )
        * size
    )
