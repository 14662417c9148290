"""What the product does not say: the denied phrases, and the reviewed places where one may stand."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.devstack.environment import ROOT

PATTERNS = ROOT / "controls" / "catalogue" / "denied_phrases.txt"
ALLOWED = Path(__file__).with_name("allowed_phrases.txt")
APPS = ("tenants", "evidence", "controls", "reports", "config")
# Files whose whole text people read, or that becomes text that they read.
TEXT_FOLDERS = ("templates", "docs", *APPS)
TEXT_SUFFIXES = {".html", ".txt", ".md", ".yml", ".yaml", ".json", ".svg", ".js", ".css", ".po"}
# Schemas and records in other people's formats, which say nothing of ours.
OTHERS_WORDS = ("controls/rules/language/ocsf-1.8.0.json", "evidence/sources/*/examples/*")
SINGLE_FILES = ("README.md", "CHANGELOG.md", "pyproject.toml", "compose.yaml", "Dockerfile")


@dataclass(frozen=True, slots=True)
class Allowed:
    """An exact text in one file in which a denied phrase was reviewed and may stand."""

    place: str
    text: str


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    """The denied phrases."""
    return tuple(re.compile(line, re.IGNORECASE) for line in _lines(PATTERNS))


@cache
def allowed() -> tuple[Allowed, ...]:
    """The reviewed places: `path | exact text` on each line, white space counted as one space."""
    entries = (line.split(" | ", 1) for line in _lines(ALLOWED))
    return tuple(Allowed(place.strip(), flat(text)) for place, text in entries)


def denied_in(text: str, *, place: str) -> Iterator[str]:
    """Each denied phrase in a text, with the words around it; what was reviewed for that place is left out."""
    text = flat(text)
    for entry in allowed():
        if entry.place == place:
            text = text.replace(entry.text, " … ")
    for pattern in patterns():
        for found in pattern.finditer(text):
            yield f"“{found[0]}” in “…{text[max(0, found.start() - 50) : found.end() + 50]}…”"


def flat(text: str) -> str:
    """The text with every run of white space as one space, so that a line's end hides nothing."""
    return re.sub(r"\s+", " ", text).strip()


def texts() -> Iterator[tuple[str, str]]:
    """Everything that people read or that becomes what they read, as (path, text)."""
    for file in _files():
        name = file.relative_to(ROOT).as_posix()
        content = file.read_text(encoding="utf-8")
        yield name, spoken(content) if file.suffix == ".py" else content


def spoken(source: str) -> str:
    """The string constants of a Python file, each on a line: what it can say, its documentation included."""
    constants: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            constants.append("".join(str(part) for part in parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            constants.append(node.value)
    return "\n".join(f"“{constant}”" for constant in constants)


def _files() -> Iterator[Path]:
    for folder in TEXT_FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix not in TEXT_SUFFIXES and not (file.suffix == ".py" and folder in APPS):
                continue
            name = file.relative_to(ROOT)
            if (
                file == PATTERNS
                or "__pycache__" in name.parts
                or any(name.match(each) for each in OTHERS_WORDS)
            ):
                continue
            yield file
    yield from (file for name in SINGLE_FILES if (file := ROOT / name).exists())


def _lines(file: Path) -> list[str]:
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
