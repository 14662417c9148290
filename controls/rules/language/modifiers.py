"""Which modifiers exist, and which may stand after which (soc2-rules §3.2; Sigma 2.1.0)."""

from __future__ import annotations

from typing import Final

from controls.rules.language.errors import did_you_mean

COMPARISONS: Final = ("lt", "lte", "gt", "gte")
TIME_PARTS: Final = ("minute", "hour", "day", "week", "month", "year")
AGES: Final = ("age_gt", "age_gte", "age_lt", "age_lte")
TEXTS: Final = ("contains", "startswith", "endswith")
WIDES: Final = ("utf16le", "wide", "utf16be", "utf16")
BASE64: Final = ("base64", "base64offset")
FLAGS: Final = ("i", "m", "s")

# family → (modifiers, families that may stand before it). Left to right; encodings before text modifiers;
# `re`, `cidr`, comparisons and ages take the value as it is written.
_FREE = {"expand", "all", "neq"}
_PLAIN: Final = frozenset(
    {"expand", "dash", "wide", "base64", "text", "cased", "re", "flag", "cidr", "compare", "part"}
)
_FAMILIES: Final[dict[str, tuple[tuple[str, ...], frozenset[str]]]] = {
    "expand": (("expand",), _PLAIN - {"expand"} | {"all", "neq", "age"}),
    "all": (("all",), _PLAIN | {"neq", "fieldref", "age"}),
    "neq": (("neq",), _PLAIN | {"all", "fieldref", "age"}),
    # `contains|windash` is what most Sigma rules write; a wildcard around the value changes no dash in it.
    "dash": (("windash",), frozenset(_FREE | {"text", "cased"})),
    "wide": (WIDES, frozenset(_FREE | {"dash"})),
    "base64": (BASE64, frozenset(_FREE | {"dash", "wide"})),
    "text": (TEXTS, frozenset(_FREE | {"dash", "wide", "base64", "cased", "fieldref"})),
    "cased": (("cased",), frozenset(_FREE | {"dash", "wide", "base64", "text", "fieldref"})),
    "re": (("re",), frozenset(_FREE)),
    "flag": (FLAGS, frozenset(_FREE | {"re", "flag"})),
    "exists": (("exists",), frozenset()),
    "cidr": (("cidr",), frozenset(_FREE)),
    "part": (TIME_PARTS, frozenset(_FREE)),
    "compare": (COMPARISONS, frozenset(_FREE | {"part"})),
    "age": (AGES, frozenset(_FREE)),
    "fieldref": (("fieldref",), frozenset({"all", "neq", "cased"})),
}
FAMILY_OF: Final = {name: family for family, (names, _) in _FAMILIES.items() for name in names}
MODIFIERS: Final = tuple(FAMILY_OF)


def modifier_errors(modifiers: tuple[str, ...]) -> list[str]:
    """Return a sentence for each modifier that is unknown, repeated or out of place."""
    sentences: list[str] = []
    before: list[str] = []
    for name in modifiers:
        family = FAMILY_OF.get(name)
        if family is None:
            near = did_you_mean(name, MODIFIERS)
            hint = near or (" (the text modifiers are contains, startswith, endswith)" if not name else "")
            sentences.append(
                f'unknown modifier "{name}".{hint}' if near else f'unknown modifier "{name}"{hint}'
            )
            continue
        if name in before:
            sentences.append(f'modifier "{name}" stands twice')
            continue
        allowed = _FAMILIES[family][1]
        clash = next((earlier for earlier in before if FAMILY_OF[earlier] not in allowed), None)
        if clash is not None:
            sentences.append(f'modifier "{name}" cannot follow "{clash}"')
        elif family == "flag" and "re" not in before:
            sentences.append(f'modifier "{name}" needs "re" before it')
        before.append(name)
    return sentences
