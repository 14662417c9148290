"""How numbers, times and small drawings are written on every page (look: figures, dates, durations).

`{% load frame %}`, then `{{ n|figure }}`, `{% moment event.time %}`, `{{ date|day }}`, `{{ hash|hash_groups }}`.
"""

import datetime
import json
from collections.abc import Sequence
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_WIDTH, _HEIGHT, _MARGIN = 84, 24, 2


@register.filter
def as_json(value: object) -> str:
    """Write plain values as JSON, for an attribute that a script reads."""
    return json.dumps(value)


@register.filter
def figure(value: object) -> str:
    """Write a whole number with its thousands marked; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value)
    return f"{value:,}"


# The forms of `components/shape.html`, drawn here too: a table of hundreds of counts includes no template per cell.
_SHAPES = {
    "deviation": '<path data-fill d="M5 .8 9.6 9H.4z"/>',
    "attention": '<path data-fill d="M5 0l5 5-5 5-5-5z"/>',
    "unknown": '<path data-line d="M0 6.5 6.5 0M0 10 10 0M3.5 10 10 3.5"/>',
}


@register.simple_tag
def count(value: int | None, tone: str) -> SafeString:
    """Write a count in a table: a pill above zero, a quiet zero, and `not collected` for what nothing has measured."""
    if value is None:
        return mark_safe('<span class="not-collected">not collected</span>')
    if not value:
        return mark_safe('<span class="zero">0</span>')
    shape = mark_safe(  # noqa: S308  (one of the three above)
        f'<svg class="shape" viewBox="0 0 10 10" aria-hidden="true" focusable="false">{_SHAPES[tone]}</svg>'
    )
    return format_html('<span class="pill {}">{}{}</span>', tone, shape, figure(value))


def _day_words(day: datetime.date, today: datetime.date) -> str:
    words = f"{day.day} {day:%b}"
    return words if day.year == today.year else f"{words} {day.year}"


@register.filter
def day(value: datetime.date | None) -> str:
    """Write a date as `12 Oct`, with its year where that is not the current one."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        value = timezone.localtime(value).date()
    return _day_words(value, timezone.localdate())


@register.simple_tag
def moment(value: datetime.datetime | None) -> SafeString | str:
    """Write an instant in the active zone (the client's), with UTC on hover; `""` for none."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    utc = value.astimezone(datetime.UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{} {}</time>',
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        _day_words(local.date(), timezone.localdate()),
        f"{local:%H:%M}",
    )


@register.filter
def span(value: datetime.timedelta | None) -> str:
    """Write a duration in the words a person uses: `3 d`, `21 h`, `5 min`."""
    if value is None:
        return ""
    seconds = abs(int(value.total_seconds()))
    if seconds >= 2 * 86400:
        return f"{seconds // 86400} d"
    if seconds >= 2 * 3600:
        return f"{seconds // 3600} h"
    return f"{max(1, seconds // 60)} min"


@register.filter
def hash_groups(value: str) -> str:
    """Shorten a hash for reading: its first eight and last four digits."""
    return value if len(value) <= 16 else f"{value[:4]} {value[4:8]} … {value[-4:]}"


@register.filter
def other_way(current: str | None, key: str) -> str:
    """Return the `?sort=` value of a click on column `key` while `current` sorts."""
    return f"-{key}" if current == key else key


@register.filter
def trend_points(numbers: Sequence[float]) -> str:
    """Return the points of a sparkline's polyline in a box of 84 by 24, from zero."""
    top = max(*numbers, 1)
    step = (_WIDTH - 2 * _MARGIN) / (len(numbers) - 1)
    return " ".join(
        f"{_MARGIN + step * index:.1f},{_HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * number / top:.1f}"
        for index, number in enumerate(numbers)
    )


@register.filter
def trend_words(numbers: Sequence[float]) -> str:
    """Say what a sparkline shows."""
    return f"first {figure(numbers[0])}, last {figure(numbers[-1])}, highest {figure(max(numbers))}"


@register.filter
def hatch(value: float, unknown: float) -> list[float]:
    """Return the x positions of the strokes that hatch `unknown` after `value` (both of 100)."""
    end = min(100, value + unknown)
    return [value + offset for offset in range(0, max(3, int(end - value)), 3)]


@register.filter
def is_check(field: BoundField) -> bool:
    """Tell whether a field is one check box, whose label stands at its right."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def attribute(value: Any, name: str) -> Any:
    """Return a value of a mapping by a name that templates cannot spell."""
    return value.get(name) if hasattr(value, "get") else getattr(value, name, None)
