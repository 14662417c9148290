"""How raw bytes are put on a page: readable, and never able to be anything but text (pure)."""

import json
import re
from typing import Final

SHOWN: Final = 256 * 1024
"""A longer record is cut on the page; the download has all of it."""

# Control characters, and marks that turn the direction of what follows, are shown as what they are.
_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def readable(raw: bytes) -> str:
    """Return bytes as text; what is no UTF-8, and characters that hide or turn others, by their codes."""
    text = raw.decode("utf-8", errors="backslashreplace")
    return _HIDDEN.sub(lambda m: f"\\u{ord(m[0]):04x}" if ord(m[0]) > 0xFF else f"\\x{ord(m[0]):02x}", text)


def indented(raw: bytes) -> str | None:
    """Return a JSON text with line breaks and indents, no character of its values changed; None if it is none.

    Names that come twice, numbers beyond any type and the order stay as they were sent.
    """
    try:
        text = raw.decode("utf-8")
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    out: list[str] = []
    depth = 0
    tokens = _TOKEN.findall(text)
    for place, token in enumerate(tokens):
        if token in "{[":
            empty = place + 1 < len(tokens) and tokens[place + 1] in "}]"
            depth += 1
            out.append(token if empty else token + _line(depth))
        elif token in "}]":
            depth -= 1
            empty = tokens[place - 1] in "{["
            out.append(token if empty else _line(depth) + token)
        elif token == ",":
            out.append(token + _line(depth))
        else:
            out.append(f"{token} " if token == ":" else token)
    return readable("".join(out).encode())


def _line(depth: int) -> str:
    return "\n" + "  " * depth


def shown(raw: bytes) -> tuple[str, str]:
    """Return a record as it is put on a page, and a note that says what was done for reading."""
    size = f"{len(raw):,} bytes"
    if len(raw) > SHOWN:
        return readable(raw[:SHOWN]), f"the first {SHOWN:,} of {size}"
    text = indented(raw)
    if text is None:
        return readable(raw), f"{size}, no JSON"
    return text, f"{size}, indented here for reading"
