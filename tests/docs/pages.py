"""Reads the documentation: its pages, their code blocks, links, and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from config.devstack.environment import ROOT

PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<marks>`{3,})(?P<words>[^`\n]*)\n(?P<text>.*?)^(?P=indent)(?P=marks)$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*(?P<target>[^)\s]+)\s*\)")
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block: the words after the fence, the text in it, and the line at which it begins."""

    words: tuple[str, ...]
    text: str
    line: int


def name_of(page: Path) -> str:
    """The page's path in the repository, for names of cases."""
    return page.relative_to(ROOT).as_posix()


def code_blocks(page: Path) -> list[CodeBlock]:
    """Every fenced block of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        CodeBlock(
            tuple(found["words"].split()), dedent(found["text"]), text.count("\n", 0, found.start()) + 1
        )
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its fenced blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "`code`", _FENCE.sub("", page.read_text(encoding="utf-8")))


def links(page: Path) -> Iterator[str]:
    """The targets of the page's links and pictures."""
    for found in _LINK.finditer(prose(page)):
        yield found["target"]


def anchors(page: Path) -> set[str]:
    """The anchors that the page's headings make, as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = (found["title"].replace("`", "").lower() for found in _HEADING.finditer(text))
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def code_texts(page: Path) -> Iterator[str]:
    """The texts of the page's fenced blocks and of its code spans, where commands and settings are named."""
    whole = page.read_text(encoding="utf-8")
    for block in code_blocks(page):
        yield block.text
    for found in re.finditer(r"`([^`\n]+)`", _FENCE.sub("", whole)):
        yield found[1]
