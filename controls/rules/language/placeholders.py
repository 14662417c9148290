"""`%setting.NAME%`, `%list.NAME%` and `%client.zone%` in values with the modifier `expand`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_PLACEHOLDER = re.compile(r"(?<!\\)%([A-Za-z_][A-Za-z0-9_.-]*)%")
SETTING: Final = "setting."
LIST: Final = "list."
ZONE: Final = "client.zone"


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A client's list that the client never filled: whether a value is on it is not known."""

    name: str


def placeholders(text: str) -> list[str]:
    r"""Return the names between percent signs, in order; `\%` is a percent sign."""
    return _PLACEHOLDER.findall(text)


def expand(
    text: str,
    settings: Mapping[str, object],
    lists: Mapping[str, Sequence[str] | None],
    zone: str,
) -> list[object]:
    """Return the values that a text stands for at one client.

    A text that is one placeholder becomes that setting's own value or values; inside a longer text each
    value is written in, so a list gives one text per entry. A list that was never filled gives `Unfilled`.
    """
    names = placeholders(text)
    whole = _PLACEHOLDER.fullmatch(text)
    if whole:
        return _values_of(whole[1], settings, lists, zone)
    if not names:
        return [text.replace("\\%", "%")]
    texts = [""]
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        between = text[end : match.start()]
        values = _values_of(match[1], settings, lists, zone)
        unfilled = [value for value in values if isinstance(value, Unfilled)]
        if unfilled:
            return list(unfilled)
        texts = [f"{start}{between}{_written(value)}" for start in texts for value in values]
        end = match.end()
    return [(start + text[end:]).replace("\\%", "%") for start in texts]


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _values_of(
    name: str, settings: Mapping[str, object], lists: Mapping[str, Sequence[str] | None], zone: str
) -> list[object]:
    if name == ZONE:
        return [zone]
    if name.startswith(LIST):
        entries = lists.get(name.removeprefix(LIST))
        return [Unfilled(name)] if entries is None else list(entries)
    value = settings[name.removeprefix(SETTING)]
    if isinstance(value, Mapping):
        return list(value)
    return list(value) if isinstance(value, (list, tuple)) else [value]
