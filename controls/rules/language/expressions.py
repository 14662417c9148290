"""What selections and conditions become once read: a small tree of tests, before any setting is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from controls.rules.language.positions import Scalar


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a rule compares with, and where it stands."""

    value: Scalar
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class FieldTest:
    """`field|modifier|…: value or list`: one line of a selection."""

    field: str
    modifiers: tuple[str, ...]
    values: tuple[Value, ...]
    line: int
    column: int

    @property
    def is_fact(self) -> bool:
        """Whether the field is read from the inventory and not from the event."""
        return self.field.startswith("fact.")


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; over nothing, true."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds; over nothing, false."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Named:
    """A selection called by its name in a condition; the name is kept for reading aloud."""

    name: str
    part: Expression


Expression = FieldTest | Every | Either | Negation | Named


@dataclass(frozen=True, slots=True)
class Block:
    """A set of named selections and the condition over them (`population`, `detection`, a `where`)."""

    selections: dict[str, Expression]
    expression: Expression
    condition: str
    line: int
    column: int


def field_tests(expression: Expression) -> Iterator[FieldTest]:
    """Yield every field test in an expression, in the order written."""
    if isinstance(expression, FieldTest):
        yield expression
    elif isinstance(expression, (Every, Either)):
        for part in expression.parts:
            yield from field_tests(part)
    else:
        yield from field_tests(expression.part)


def required_fields(expression: Expression) -> dict[str, FieldTest]:
    """Return the fields without which the expression cannot hold, each with its first test.

    In an `and` that is what any part requires, in an `or` what all parts require; below a `not`, and for
    `exists`, a field is not required.
    """
    if isinstance(expression, FieldTest):
        return {} if "exists" in expression.modifiers else {expression.field: expression}
    if isinstance(expression, Named):
        return required_fields(expression.part)
    if isinstance(expression, Negation):
        return {}
    parts = [required_fields(part) for part in expression.parts]
    if isinstance(expression, Every):
        return {name: test for part in reversed(parts) for name, test in part.items()}
    if not parts:
        return {}
    return {name: test for name, test in parts[0].items() if all(name in part for part in parts[1:])}
