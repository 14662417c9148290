"""Pages by key: a page goes on below the last row of the one before, nothing is counted or skipped."""

import base64
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import BinaryField, DateTimeField, Model, Q, QuerySet

from tenants.api.problems import Problem

USUAL: Final = 50
MOST: Final = 200
_MARK: Final = "This cursor was not made here for this list and order. Begin again without one."


def page(found: QuerySet[Any], columns: Sequence[str], *, cursor: str, limit: int) -> tuple[list[Any], str]:
    """Return one page of a query and the cursor of the next, empty at the end.

    `columns` are the order, as `order_by` writes it, of columns that are never null; together they are unique.
    """
    if cursor:
        found = found.filter(_below(found.model, columns, _read(found.model, columns, cursor)))
    rows = list(found.order_by(*columns)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, _written(rows[-1], columns) if more else ""


def _below(model: type[Model], columns: Sequence[str], values: Sequence[Any]) -> Q:
    """What comes after these values in the order; the plain bound on the first column lets months be skipped."""
    condition, before = Q(), Q()
    for column, value in zip(columns, values, strict=True):
        name = column.removeprefix("-")
        condition |= before & Q(**{f"{name}__{'lt' if column.startswith('-') else 'gt'}": value})
        before &= Q(**{name: value})
    first = columns[0]
    side = "lte" if first.startswith("-") else "gte"
    return Q(**{f"{first.removeprefix('-')}__{side}": values[0]}) & condition


def _written(row: Any, columns: Sequence[str]) -> str:
    values = [_plain(getattr(row, column.removeprefix("-"))) for column in columns]
    text = json.dumps([list(columns), values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value if isinstance(value, int | str) else str(value)


def _read(model: type[Model], columns: Sequence[str], cursor: str) -> list[Any]:
    try:
        order, values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if order != list(columns) or len(values) != len(columns):
            raise Problem(400, _MARK)
        return [_value(model, column, value) for column, value in zip(columns, values, strict=True)]
    except (ValueError, TypeError, RecursionError, ValidationError) as error:
        raise Problem(400, _MARK) from error


def _value(model: type[Model], column: str, value: Any) -> Any:
    field: Any = model._meta.get_field(column.removeprefix("-"))
    if isinstance(value, bool | list | dict) or value is None:
        raise Problem(400, _MARK)
    if isinstance(value, str) and ("\x00" in value or not value.isprintable()):
        raise Problem(400, _MARK)
    if isinstance(field, BinaryField):
        return bytes.fromhex(value)
    found = field.to_python(value)
    if isinstance(field, DateTimeField) and (found is None or found.tzinfo is None):
        raise Problem(400, _MARK)
    return found
