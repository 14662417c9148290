"""Marked-up text inside a paragraph: `**bold**`, `` `code` `` and `[words](target)`, and nothing else.

What people or sources wrote must pass `literal()` before it is placed into marked-up text, or be handed over
as spans; then no character of theirs can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

TOKEN: Final = re.compile(
    r"""\\(?P<escaped>[\\*`\[\]()])"""
    r"""|\*\*(?P<bold>(?=\S)(?:\\.|[^*\\])+)(?<=\S)\*\*"""
    r"""|`(?P<code>[^`]+)`"""
    r"""|\[(?P<words>(?:\\.|[^\]\\])+)\]\((?P<target>[^()\s]+)\)"""
)
SAFE_TARGET: Final = re.compile(r"\A(?:#[\w.~:/-]+|/(?!/)\S*|https?://\S+|mailto:\S+)\Z")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text in one style. `target` is `#anchor`, a path of the portal, or a web address."""

    text: str
    bold: bool = False
    code: bool = False
    target: str = ""


def literal(text: str) -> str:
    """`text` so that it comes out of `spans()` character by character as it is."""
    return re.sub(r"([\\*`\[\]()])", r"\\\1", text)


def unescaped(text: str) -> str:
    """Undo `literal()`."""
    return re.sub(r"\\([\\*`\[\]()])", r"\1", text)


def safe_target(target: str) -> str:
    """The target if it is an anchor, a path or a web address, else nothing: `javascript:` leads nowhere."""
    return target if SAFE_TARGET.match(target) else ""


def spans(text: str) -> tuple[Span, ...]:
    """Parse marked-up text. Marks without a partner stand for themselves; nothing is ever dropped."""
    found: list[Span] = []
    plain: list[str] = []
    at = 0
    for match in TOKEN.finditer(text):
        plain.append(text[at : match.start()])
        at = match.end()
        if match["escaped"]:
            plain.append(match["escaped"])
            continue
        if joined := "".join(plain):
            found.append(Span(joined))
        plain = []
        if match["bold"]:
            found.append(Span(unescaped(match["bold"]), bold=True))
        elif match["code"]:
            found.append(Span(match["code"], code=True))
        else:
            found.append(Span(unescaped(match["words"]), target=safe_target(match["target"])))
    if joined := "".join([*plain, text[at:]]):
        found.append(Span(joined))
    return tuple(found)


def as_spans(text: str | Iterable[Span]) -> tuple[Span, ...]:
    """Spans of marked-up text, or the spans themselves."""
    return spans(text) if isinstance(text, str) else tuple(text)


def as_text(text: str | Iterable[Span]) -> str:
    """The words alone."""
    return "".join(span.text for span in as_spans(text))
