"""Text as rules compare it: folded, with wildcards, in encodings; regular expressions in linear time."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import re2

MAX_REGEX_LENGTH: Final = 512
_DASHES: Final = ("-", "/", "\u2013", "\u2014", "\u2015")
_DASH = re.compile(r"\B[-/]\b")
MAX_DASHES: Final = 3

Matcher = Callable[[str], bool]


class PatternError(Exception):
    """A value that cannot be made into a pattern; the message is the sentence for the rule's author."""


def fold(text: str) -> str:
    """Return text as it is compared without regard to case: NFC, then case folding, then NFC."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def exact(text: str) -> str:
    """Return text as `cased` compares it: NFC, with its case."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


# A pattern is a tuple of literal texts and the two wildcards.
class Wildcard:
    """`*` (any length) or `?` (exactly one character) in a pattern."""

    __slots__ = ("sign",)

    def __init__(self, sign: str) -> None:
        self.sign = sign

    def __repr__(self) -> str:
        return self.sign


ANY: Final = Wildcard("*")
ONE: Final = Wildcard("?")
Pattern = tuple[str | Wildcard, ...]


def parse_wildcards(text: str) -> Pattern:
    r"""Read `*`, `?` and their escapes by Sigma's rules.

    `\*` and `\?` are the characters themselves, `\\` is one backslash, and a backslash before any other
    character is itself.
    """
    parts: list[str | Wildcard] = []
    literal: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text) and text[position + 1] in "*?\\":
            literal.append(text[position + 1])
            position += 2
            continue
        if character in "*?":
            if literal:
                parts.append("".join(literal))
                literal = []
            parts.append(ANY if character == "*" else ONE)
        else:
            literal.append(character)
        position += 1
    if literal:
        parts.append("".join(literal))
    return tuple(parts)


def surrounded(pattern: Pattern, modifier: str) -> Pattern:
    """Return the pattern for `contains`, `startswith` or `endswith`: wildcards where the rest may be."""
    if modifier in ("contains", "endswith") and (not pattern or pattern[0] is not ANY):
        pattern = (ANY, *pattern)
    if modifier in ("contains", "startswith") and (not pattern or pattern[-1] is not ANY):
        pattern = (*pattern, ANY)
    return pattern


def _regex_of(pattern: Pattern, prepare: Callable[[str], str]) -> Matcher:
    source = "".join(
        re2.escape(prepare(part)) if isinstance(part, str) else (".*" if part is ANY else ".")
        for part in pattern
    )
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    compiled = re2.compile(source, options=options)

    def matches(text: str) -> bool:
        return compiled.fullmatch(text) is not None

    return matches


def _simple_matcher(pattern: Pattern, prepare: Callable[[str], str]) -> Matcher | None:
    """Return a matcher by plain text operations where the pattern is as simple as most are."""
    if not pattern:
        return lambda text: text == ""
    if all(part is ANY for part in pattern):
        return lambda text: True
    literals = [part for part in pattern if isinstance(part, str)]
    if len(literals) != 1 or any(part is ONE for part in pattern):
        return None
    literal = prepare(literals[0])
    before, after = pattern[0] is ANY, pattern[-1] is ANY
    if before and after:
        return lambda text: literal in text
    if after:
        return lambda text: text.startswith(literal)
    if before:
        return lambda text: text.endswith(literal)
    return lambda text: text == literal


def wildcard_matcher(pattern: Pattern, *, cased: bool) -> Matcher:
    """Return a test of a whole text against the pattern; linear in the length of the text."""
    prepare = exact if cased else fold
    simple = _simple_matcher(pattern, prepare)
    if simple is not None:
        return lambda text: simple(prepare(text))
    folded = _regex_of(pattern, prepare)
    if cased or not any(part is ONE for part in pattern):
        return lambda text: folded(encodable(prepare(text)))
    # Folding can lengthen a character (ß → ss), so `?` is also tried on the text in small letters.
    lowered = _regex_of(pattern, lambda part: exact(part).lower())

    def matches(text: str) -> bool:
        return folded(encodable(fold(text))) or (
            not text.isascii() and lowered(encodable(exact(text).lower()))
        )

    return matches


def literal_of(pattern: Pattern) -> str | None:
    """Return the one text that the pattern stands for, or None when it holds a wildcard."""
    if not pattern:
        return ""
    if len(pattern) == 1 and isinstance(pattern[0], str):
        return pattern[0]
    return None


def encodable(text: str) -> str:
    """Return text that UTF-8 can carry; half a surrogate pair, as JSON may hold, becomes U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


# Encodings: each takes one pattern and returns those that a value may match.


def wide(pattern: Pattern, encoding: str) -> Pattern:
    """Encode each character in two bytes, read back as text (`utf16le` = `wide`, `utf16be`, `utf16` with BOM).

    Only the characters whose two bytes are text again can be written so, as in Sigma: those of ASCII.
    """
    codec = "utf-16-be" if encoding == "utf16be" else "utf-16-le"
    try:
        parts: list[str | Wildcard] = [
            part.encode(codec).decode("utf-8") if isinstance(part, str) else part for part in pattern
        ]
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise PatternError(f'modifier "{encoding}" takes only ASCII text') from None
    if encoding == "utf16":
        parts.insert(0, "\ufeff")
    return tuple(parts)


def _bytes_of(pattern: Pattern, modifier: str, *, marked: bool) -> bytes:
    if any(isinstance(part, Wildcard) for part in pattern):
        raise PatternError(f'modifier "{modifier}" cannot encode a wildcard; escape it as \\* or \\?')
    octets = "".join(str(part) for part in pattern).encode("utf-8")
    byte_order_mark = "\ufeff".encode()
    if marked and octets.startswith(byte_order_mark):
        return b"\xff\xfe" + octets[len(byte_order_mark) :]
    return octets


def base64_of(pattern: Pattern, *, marked: bool) -> Pattern:
    """Return the Base64 text of the value; `marked` writes `utf16`'s byte order mark as FF FE."""
    return (base64.b64encode(_bytes_of(pattern, "base64", marked=marked)).decode(),)


def base64_offsets(pattern: Pattern, *, marked: bool) -> list[Pattern]:
    """Return the three forms that the value takes inside a longer Base64 text, by its place modulo 3."""
    octets = _bytes_of(pattern, "base64offset", marked=marked)
    if not octets:
        raise PatternError('modifier "base64offset" needs a text that is not empty')
    forms: list[Pattern] = []
    for offset in range(3):
        encoded = base64.b64encode(b" " * offset + octets).decode()
        start = (0, 2, 3)[offset]
        end = (len(encoded), -3, -2)[(len(octets) + offset) % 3]
        forms.append((encoded[start:end],))
    return forms


def dashed(pattern: Pattern) -> list[Pattern]:
    """Return every spelling of a value whose parameter dashes may be written `-`, `/`, –, — or ―."""
    spellings: list[list[str | Wildcard]] = [[]]
    dashes = 0
    for part in pattern:
        if isinstance(part, Wildcard):
            for spelling in spellings:
                spelling.append(part)
            continue
        dashes += len(_DASH.findall(part))
        if dashes > MAX_DASHES:
            raise PatternError('modifier "windash" takes at most three dashes in one value')
        pieces = _DASH.split(part)
        grown: list[list[str | Wildcard]] = []
        for spelling in spellings:
            texts = [pieces[0]]
            for piece in pieces[1:]:
                texts = [text + dash + piece for text in texts for dash in _DASHES]
            grown.extend([*spelling, text] for text in texts)
        spellings = grown
    return [tuple(spelling) for spelling in spellings]


# Regular expressions


def nested_quantifier(source: str) -> int | None:
    """Return where (from 1) an unbounded repetition repeats a group that holds one already, or None."""
    groups: list[bool] = []  # per open group: does it hold an unbounded repetition?
    closed: bool | None = None  # set right after a group closed: did it hold one?
    position = 0
    while position < len(source):
        character = source[position]
        if character == "\\":
            if source.startswith("\\Q", position):
                end = source.find("\\E", position)
                position = len(source) if end < 0 else end + 2
            else:
                position += 2
            closed = None
            continue
        if character == "[":
            position = _class_end(source, position)
            closed = None
            continue
        if character == "(":
            groups.append(False)
            closed = None
        elif character == ")":
            closed = groups.pop() if groups else False
            if groups:
                groups[-1] = groups[-1] or closed
        else:
            length, unbounded = _quantifier(source, position)
            if length:
                if unbounded and closed:
                    return position + 1
                if unbounded and groups:
                    groups[-1] = True
                position += length
                closed = None
                continue
            closed = None
        position += 1
    return None


def _class_end(source: str, start: int) -> int:
    position = start + 1
    if source.startswith("^", position):
        position += 1
    if source.startswith("]", position):
        position += 1
    while position < len(source) and source[position] != "]":
        if source.startswith("[:", position) and ":]" in source[position:]:
            position = source.index(":]", position) + 2
            continue
        position += 2 if source[position] == "\\" else 1
    return position + 1


_BRACES = re.compile(r"\{\d*(,?)(\d*)\}")


def _quantifier(source: str, position: int) -> tuple[int, bool]:
    """Return the length of the quantifier at a position (0 for none) and whether it has no upper end."""
    character = source[position]
    if character in "*+?":
        length, unbounded = 1, character != "?"
    else:
        match = _BRACES.match(source, position)
        if match is None or match[0] == "{}":
            return 0, False
        length, unbounded = len(match[0]), bool(match[1]) and not match[2]
    if source.startswith("?", position + length):
        length += 1
    return length, unbounded


def regex_matcher(source: str, flags: Sequence[str]) -> Matcher:
    """Return a case-sensitive search for a regular expression anywhere in a text, by RE2.

    `flags` are Sigma's `i`, `m`, `s`. Raises PatternError with the sentence for an expression that is too
    long, nests quantifiers, or needs look-around or back-references, which no linear-time engine has.
    """
    if len(source) > MAX_REGEX_LENGTH:
        raise PatternError(
            f"regular expression has {len(source)} characters, more than the {MAX_REGEX_LENGTH} allowed"
        )
    place = nested_quantifier(source)
    if place is not None:
        raise PatternError(
            f"regular expression may run longer than linear (nested quantifier at character {place})"
        )
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    inline = "".join(sorted(set(flags)))
    try:
        compiled = re2.compile(f"(?{inline}){source}" if inline else source, options=options)
    except re2.error as error:
        raise PatternError(_refusal(source, error)) from None

    def matches(text: str) -> bool:
        return compiled.search(encodable(text)) is not None

    return matches


def _refusal(source: str, error: Exception) -> str:
    for sign, name in (
        ("(?=", "look-ahead"),
        ("(?!", "look-ahead"),
        ("(?<=", "look-behind"),
        ("(?<!", "look-behind"),
    ):
        if sign in source:
            return (
                f"regular expression uses {name} at character {source.index(sign) + 1}, which is not allowed"
            )
    reference = re.search(r"\\[1-9]", source)
    if reference:
        return f"regular expression uses a back-reference at character {reference.start() + 1}, which is not allowed"
    detail = error.args[0] if error.args else "not understood"
    if isinstance(detail, bytes):
        detail = detail.decode("utf-8", "replace")
    return f"regular expression is not understood: {detail}"
