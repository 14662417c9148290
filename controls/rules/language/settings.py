"""A rule's settings: their types and bounds, and whether given values keep to them."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controls.rules.language.durations import is_duration, rough_seconds
from controls.rules.language.errors import did_you_mean

if TYPE_CHECKING:
    from controls.rules.language.rule import Rule

TYPES: Final = ("int", "float", "bool", "text", "duration", "list[text]", "map[text,int]", "cidr_list")
BOUNDED: Final = ("int", "float", "duration")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that a client may choose for a rule, with the default that holds until then."""

    name: str
    type: str
    default: object
    help: str
    min: object = None
    max: object = None
    enum: tuple[object, ...] = ()
    unit: str = ""


_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "text": "text",
    "duration": "a duration such as 24h",
    "list[text]": "a list of texts",
    "map[text,int]": "a map of names to whole numbers",
    "cidr_list": "a list of networks such as 10.0.0.0/8",
}


def is_network(text: object) -> bool:
    """Say whether `text` is an address or a network in CIDR form."""
    if not isinstance(text, str):
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_type(value: object, kind: str) -> bool:
    if kind == "int":
        return _whole(value)
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    if kind == "duration":
        return is_duration(value)
    if kind == "list[text]":
        return isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value)
    if kind == "cidr_list":
        return isinstance(value, (list, tuple)) and all(is_network(entry) for entry in value)
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and _whole(number) for name, number in value.items()
    )


def _size(value: object) -> float:
    return rough_seconds(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]


def complaint(setting: Setting, value: object, what: str) -> str | None:
    """Return what is wrong with a value of a setting, or None. `what` is "default" or "value"."""
    if not _of_type(value, setting.type):
        return f'setting "{setting.name}" {what} {value!r} is not {_WORDS[setting.type]}'
    if setting.type in BOUNDED:
        if setting.max is not None and _size(value) > _size(setting.max):
            return f'setting "{setting.name}" {what} {value} exceeds max {setting.max}'
        if setting.min is not None and _size(value) < _size(setting.min):
            return f'setting "{setting.name}" {what} {value} is below min {setting.min}'
    if setting.enum:
        given = value if isinstance(value, (list, tuple)) else [value]
        for entry in given:
            if entry not in setting.enum:
                allowed = ", ".join(str(choice) for choice in setting.enum)
                return f'setting "{setting.name}" {what} {entry} is not one of {allowed}'
    return None


def validate_settings(rule: Rule, values: Mapping[str, object]) -> list[str]:
    """Return one sentence per value that the rule cannot take; an empty list means that all may be used."""
    sentences: list[str] = []
    for name, value in values.items():
        setting = rule.settings.get(name)
        if setting is None:
            sentences.append(f'rule {rule.id} has no setting "{name}".{did_you_mean(name, rule.settings)}')
        else:
            sentence = complaint(setting, value, "value")
            if sentence:
                sentences.append(sentence)
    return sentences


def effective_settings(rule: Rule, values: Mapping[str, object]) -> dict[str, object]:
    """Return every setting of the rule: the client's value where given, else the default.

    Raises ValueError with the sentences of `validate_settings` when a given value cannot be used.
    """
    sentences = validate_settings(rule, values)
    if sentences:
        raise ValueError("; ".join(sentences))
    return {name: values.get(name, setting.default) for name, setting in rule.settings.items()}
