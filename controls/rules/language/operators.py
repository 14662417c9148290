"""What one field test says about one value: the tables of soc2-rules §3.1, operator by operator.

`build_check` turns the values and modifiers of a test into one function of a field's value. The states a
field can be in beyond having a value (empty, null, missing, never sent) are settled here and in `fields`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from controls.rules.language.durations import parse_duration
from controls.rules.language.modifiers import AGES, COMPARISONS, FLAGS, TEXTS, TIME_PARTS, WIDES
from controls.rules.language.patterns import (
    Pattern,
    PatternError,
    base64_of,
    base64_offsets,
    dashed,
    exact,
    fold,
    literal_of,
    parse_wildcards,
    regex_matcher,
    surrounded,
    wide,
    wildcard_matcher,
)

# A check of one value that is there and is no list: true, false, or None where its type gives no answer.
Check = Callable[[Any], "bool | None"]

_NUMBER = re.compile(r"[-+]?[0-9]{1,30}(?:\.[0-9]{1,30})?\Z")


def number_in(text: str) -> int | float | None:
    """Return the number that a text of digits writes, or None."""
    if _NUMBER.match(text) is None:
        return None
    return float(text) if "." in text else int(text)


def text_of(value: object) -> str | None:
    """Return a scalar as the text it is compared as; None for objects, which have no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return None


def instant(value: object) -> datetime | None:
    """Return a field's value as a moment in UTC: a time, RFC 3339 text with its zone, or OCSF milliseconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else None
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, (int, float)):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
        if isinstance(value, str) and len(value) >= 10:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return None


@dataclass(slots=True)
class Comparison:
    """How a field's value is compared: over single values, over null, and over the empty list.

    `checks` holds one check per value of the test; `every` says that all must match (modifier `all`), each
    by any element of a list. `on_null` and `on_empty` are the answers for null and `[]`.
    """

    checks: list[Check]
    every: bool = False
    on_null: bool = False
    on_empty: bool | None = False
    # Set where the answer depends on the moment of judgment: then checks are made per event.
    per_moment: Callable[[datetime], Check] | None = None

    def __call__(self, value: object) -> bool | None:
        """Return what the test says of a value that is there: true, false, or None for no answer."""
        if value is None:
            return self.on_null
        if isinstance(value, (list, tuple)):
            if not value:
                return self.on_empty
            answers = [self._any_element(check, value) for check in self.checks]
        else:
            answers = [check(value) for check in self.checks]
        return _all(answers) if self.every else _any(answers)

    def _any_element(self, check: Check, elements: Sequence[object]) -> bool | None:
        return _any([self._element(check, element) for element in elements])

    def _element(self, check: Check, element: object) -> bool | None:
        if element is None:
            return self.on_null
        if isinstance(element, (list, tuple)):
            return self._any_element(check, element) if element else self.on_empty
        return check(element)

    def at(self, moment: datetime) -> Comparison:
        """Return the comparison as it stands at the moment of judgment (for `age_*`)."""
        if self.per_moment is None:
            return self
        return Comparison([self.per_moment(moment)], self.every, self.on_null, self.on_empty)


def _any(answers: Sequence[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


def _all(answers: Sequence[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


@dataclass(slots=True)
class _Equality:
    """The values of a plain or text test, sorted by how they are compared."""

    cased: bool
    texts: set[str] = field(default_factory=set)
    numbers: set[int | float] = field(default_factory=set)
    # Texts of digits, compared as numbers only when the field holds a number.
    written_numbers: set[int | float] = field(default_factory=set)
    truths: set[bool] = field(default_factory=set)
    matchers: list[Callable[[str], bool]] = field(default_factory=list)
    anything: bool = False

    def add(self, value: object, pattern: Pattern | None) -> None:
        if pattern is not None:
            literal = literal_of(pattern)
            if literal is None:
                self.matchers.append(wildcard_matcher(pattern, cased=self.cased))
                self.anything = self.anything or all(not isinstance(part, str) for part in pattern)
                return
            self.texts.add(exact(literal) if self.cased else fold(literal))
            number = number_in(literal)
            if number is not None:
                self.written_numbers.add(number)
            if fold(literal) in ("true", "false"):
                self.truths.add(fold(literal) == "true")
        elif isinstance(value, bool):
            self.truths.add(value)
        elif isinstance(value, (int, float)):
            self.numbers.add(value)

    def check(self, value: Any) -> bool | None:
        if isinstance(value, str):
            prepared = exact(value) if self.cased else fold(value)
            if prepared in self.texts or any(matches(value) for matches in self.matchers):
                return True
            if self.numbers and number_in(value) in self.numbers:
                return True
            return (
                bool(self.truths)
                and fold(value) in ("true", "false")
                and (fold(value) == "true") in self.truths
            )
        if isinstance(value, bool):
            return value in self.truths or self._matches(value)
        if isinstance(value, (int, float)):
            return value in self.numbers or value in self.written_numbers or self._matches(value)
        written = text_of(value)
        if written is None:
            return self.anything
        return (written if self.cased else fold(written)) in self.texts or self._matches(value)

    def _matches(self, value: object) -> bool:
        written = text_of(value)
        return written is not None and any(matches(written) for matches in self.matchers)


def _patterns(text: str, modifiers: Sequence[str]) -> list[Pattern]:
    """Return what a text stands for after the encodings and text modifiers, left to right."""
    patterns = [parse_wildcards(text)]
    marked = "utf16" in modifiers
    for modifier in modifiers:
        if modifier in WIDES:
            patterns = [wide(pattern, modifier) for pattern in patterns]
        elif modifier == "base64":
            patterns = [base64_of(pattern, marked=marked) for pattern in patterns]
        elif modifier == "base64offset":
            patterns = [form for pattern in patterns for form in base64_offsets(pattern, marked=marked)]
        elif modifier == "windash":
            patterns = [form for pattern in patterns for form in dashed(pattern)]
        elif modifier in TEXTS:
            patterns = [surrounded(pattern, modifier) for pattern in patterns]
    return patterns


def _equality(values: Sequence[object], modifiers: Sequence[str]) -> Comparison:
    every = "all" in modifiers
    groups = [[value] for value in values] if every else [list(values)]
    checks: list[Check] = []
    empties: list[bool] = []
    for group in groups:
        equality = _Equality("cased" in modifiers)
        networks: list[object] = []
        for value in group:
            if isinstance(value, _Network):
                networks.append(value.text)
            elif isinstance(value, str):
                for pattern in _patterns(value, modifiers):
                    equality.add(value, pattern)
            elif value is not None:
                equality.add(value, None)
        checks.append(_either_check(equality.check, _cidr_check(networks)) if networks else equality.check)
        empties.append("" in equality.texts)
    nulls = [value is None for value in values]
    return Comparison(
        checks,
        every,
        on_null=bool(nulls) and (all(nulls) if every else any(nulls)),
        on_empty=bool(empties) and (all(empties) if every else any(empties)),
    )


def _either_check(first: Check, second: Check) -> Check:
    return lambda value: _any([first(value), second(value)])


@dataclass(frozen=True, slots=True)
class _Network:
    """A network on a client's list, beside texts and wildcards."""

    text: str


def network_entry(entry: object) -> object:
    """Return a client's list entry as what it is compared as: a network where it is written as one."""
    if isinstance(entry, str) and "/" in entry:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return entry
        return _Network(entry)
    return entry


def _as_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _cidr_check(values: Sequence[object]) -> Check:
    networks = []
    for value in values:
        text = value.text if isinstance(value, _Network) else value
        try:
            networks.append(ipaddress.ip_network(str(text), strict=False))
        except ValueError:
            raise PatternError(f'"{text}" is no network; write one such as 10.0.0.0/8') from None

    def check(value: Any) -> bool:
        address = _as_address(value) if isinstance(value, str) else None
        return address is not None and any(
            address.version == network.version and address in network for network in networks
        )

    return check


_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


def _number_of(value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    return number_in(value) if isinstance(value, str) else None


def _compare_check(bound: int | float, operator: str) -> Check:
    compare = _OPERATORS[operator]

    def check(value: Any) -> bool | None:
        number = _number_of(value)
        return None if number is None else compare(number, bound)

    return check


def _part_of(moment: datetime, part: str) -> int:
    if part == "week":
        return moment.isocalendar().week
    return int(getattr(moment, part))


def _part_check(part: str, bound: int | float, operator: str | None, zone: tzinfo) -> Check:
    compare = _OPERATORS[operator] if operator else lambda left, right: left == right

    def check(value: Any) -> bool | None:
        moment = instant(value)
        return None if moment is None else compare(_part_of(moment.astimezone(zone), part), bound)

    return check


def _age_check(length: timedelta, operator: str, moment: datetime) -> Check:
    compare = _OPERATORS[operator]

    def check(value: Any) -> bool | None:
        since = instant(value)
        return None if since is None else compare(moment - since, length)

    return check


def _regex_check(source: str, flags: Sequence[str]) -> Check:
    matches = regex_matcher(source, flags)

    def check(value: Any) -> bool:
        text = text_of(value)
        return text is not None and matches(text)

    return check


def _need_number(value: object, modifier: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        number = number_in(value) if isinstance(value, str) else None
        if number is None:
            raise PatternError(f'modifier "{modifier}" needs a number, not {_named(value)}')
        return number
    return value


def _named(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"the number {value}"


def _need_text(value: object, modifier: str) -> str:
    if isinstance(value, _Network):
        return value.text
    if not isinstance(value, str):
        raise PatternError(f'modifier "{modifier}" needs text, not {_named(value)}; put it in quotes')
    return value


def build_comparison(values: Sequence[object], modifiers: Sequence[str], zone: tzinfo) -> Comparison:
    """Return how a field's value is compared, for any test but `exists` and `fieldref`.

    `values` are a client's own: placeholders are expanded. Raises PatternError with a sentence for a value
    that the modifiers cannot take.
    """
    every = "all" in modifiers
    operator = next((name for name in modifiers if name in COMPARISONS), None)
    part = next((name for name in modifiers if name in TIME_PARTS), None)
    age = next((name for name in modifiers if name in AGES), None)
    if part:
        numbers = [_need_number(value, part) for value in values]
        checks = [_part_check(part, number, operator, zone) for number in numbers]
        return Comparison(checks, every, on_empty=None)
    if operator:
        numbers = [_need_number(value, operator) for value in values]
        return Comparison([_compare_check(number, operator) for number in numbers], every, on_empty=None)
    if age:
        return _age(values, age, every)
    if "cidr" in modifiers:
        texts = [_need_text(value, "cidr") for value in values]
        checks = [_cidr_check([text]) for text in texts] if every else [_cidr_check(texts)]
        return Comparison(checks, every)
    if "re" in modifiers:
        flags = [name for name in modifiers if name in FLAGS]
        return Comparison([_regex_check(_need_text(value, "re"), flags) for value in values], every)
    textual = next((name for name in modifiers if name not in ("all", "neq", "expand", "cased")), None)
    textual = textual or ("cased" if "cased" in modifiers else None)
    if textual:
        values = [_need_text(value, textual) for value in values]
    return _equality(values, modifiers)


def _age(values: Sequence[object], age: str, every: bool) -> Comparison:
    lengths: list[timedelta] = []
    for value in values:
        length = parse_duration(value)
        if length is None:
            written = "business days have no fixed length" if isinstance(value, str) else _named(value)
            raise PatternError(f'modifier "{age}" needs a duration of s, m, h or d such as 24h: {written}')
        lengths.append(length)
    operator = age.removeprefix("age_")

    def at(moment: datetime) -> Check:
        checks = [_age_check(length, operator, moment) for length in lengths]
        join = _all if every else _any
        return lambda value: join([check(value) for check in checks])

    return Comparison([], every, on_empty=None, per_moment=at)


def references_match(left: object, right: object, modifiers: Sequence[str]) -> bool:
    """Compare the values of two fields (`fieldref`): any element of one with any of the other."""
    lefts = left if isinstance(left, (list, tuple)) else [left]
    rights = right if isinstance(right, (list, tuple)) else [right]
    return any(_reference(one, other, modifiers) for one in lefts for other in rights)


def _reference(left: object, right: object, modifiers: Sequence[str]) -> bool:
    if left is None or right is None or isinstance(left, Mapping) or isinstance(right, Mapping):
        return False
    text = next((name for name in modifiers if name in TEXTS), None)
    if text is None:
        numbers = _number_of(left), _number_of(right)
        if not (isinstance(left, str) and isinstance(right, str)) and None not in numbers:
            return numbers[0] == numbers[1]
    prepare = exact if "cased" in modifiers else fold
    one, other = prepare(text_of(left) or ""), prepare(text_of(right) or "")
    if text == "contains":
        return other in one
    if text == "startswith":
        return one.startswith(other)
    if text == "endswith":
        return one.endswith(other)
    return one == other
