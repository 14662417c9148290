"""Text in a PDF: which font has a character, how wide words are, where lines break, and the operators that show them.

reportlab has no fallback per character, so text is split into runs by coverage. What no font has is printed as
its code point (`U+738B`): an empty box is never printed. Hebrew and Arabic are joined and ordered per line.
Strings of printable ASCII, nearly all cells of a package, take a short path without any of that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from reportlab.lib import rl_accel
from reportlab.pdfbase.ttfonts import TTFont

from reports.blocks.inline import Span
from reports.render.fontcache import prepared

Style = Literal["regular", "semibold", "bold", "italic", "mono"]
FILES: Final[dict[Style, str]] = {
    "regular": "ProoflineSans-Regular",
    "semibold": "ProoflineSans-SemiBold",
    "bold": "ProoflineSans-Bold",
    "italic": "ProoflineSans-Italic",
    "mono": "ProoflineMono-Regular",
}
# After the style's own font: symbols from the id font, then the scripts that Noto Sans leaves to its sisters.
FALLBACKS: Final = (
    "ProoflineSans-Regular",
    "ProoflineMono-Regular",
    "ProoflineHebrew-Regular",
    "ProoflineArabic-Regular",
)
RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
ARABIC: Final = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff]")
ESCAPES: Final = {ord("("): "\\(", ord(")"): "\\)", ord("\\"): "\\\\"}
LINE_BREAKS: Final = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
# A word that is wider than its column breaks after these, and only then anywhere.
SOFT: Final = re.compile(r"(?<=[/:._@,;=&?+|\\-])(?=.)")
MEMO_LIMIT: Final = 30_000


class Face:
    """A loaded static font: what it covers and how wide its characters are (per point of size)."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.font = TTFont(name, str(path))
        self.glyphs: dict[int, int] = self.font.face.charToGlyph
        self.widths = Widths(self.font)


class Widths(dict[str, float]):
    """Character → width for size 1, filled as characters are met."""

    def __init__(self, font: Any) -> None:
        super().__init__()
        self.source = font.face.charWidths
        self.default = font.face.defaultWidth

    def __missing__(self, char: str) -> float:
        code = 32 if char == "\u00a0" else ord(char)
        width = float(self.source.get(code, self.default)) / 1000
        self[char] = width
        return width


@lru_cache(maxsize=4)
def faces(folder: Path) -> dict[str, Face]:
    """All static fonts, loaded once per process. Refuses to run without reportlab's accelerator."""
    if type(rl_accel.fp_str).__name__ != "builtin_function_or_method":
        raise RuntimeError(
            "reportlab runs without rl_accel: install reportlab[accel], or packages take half as long again."
        )
    place = prepared(folder)
    names = sorted({*FILES.values(), *FALLBACKS})
    return {name: Face(name, place / f"{name}.ttf") for name in names}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a laid-out line: offset from the line's start, width, text, style and where it leads."""

    x: float
    width: float
    text: str
    style: Style
    target: str = ""


class Typesetter:
    """Measures and shows text for one reportlab document; the fonts' subsets grow in the order of use."""

    def __init__(self, doc: Any, folder: Path) -> None:
        self.doc = doc
        self.faces = faces(folder)
        self.main: dict[Style, Face] = {style: self.faces[name] for style, name in FILES.items()}
        self.chains: dict[Style, list[Face]] = {
            style: list(dict.fromkeys([self.main[style], *(self.faces[name] for name in FALLBACKS)]))
            for style in FILES
        }
        self.plain_names: dict[Style, str] = {}
        self.chosen: dict[tuple[Style, str], Face | None] = {}
        self.measured: dict[tuple[Style, str], float] = {}
        self.shown: dict[tuple[Style, str], list[tuple[str, str]]] = {}
        self.directions: dict[str, Literal["L", "R"]] = {}

    # -- what can be printed -------------------------------------------------------------------------------

    def face_of(self, style: Style, char: str) -> Face | None:
        """The first font of the style's chain that has the character; None when none has it."""
        found = self.chosen.get((style, char), False)
        if found is False:
            code = ord(char)
            found = None
            if code <= 0xFFFF and (
                char == " " or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
            ):
                look = 32 if code == 0xA0 else code
                found = next((face for face in self.chains[style] if look in face.glyphs), None)
            self.chosen[style, char] = found
        return found  # type: ignore[return-value]

    def printable(self, text: str, style: Style = "regular") -> str:
        """The text with every character that no font has, and every invisible one, as its code point.

        Line breaks become LF and tabs a space; Arabic letters are joined.
        """
        if text.isascii() and text.isprintable():
            return text
        text = LINE_BREAKS.sub("\n", text).replace("\t", " ")
        if ARABIC.search(text):
            text = joined_arabic(text)
        pieces: list[str] = []
        unknown: list[str] = []
        for char in [*text, ""]:
            if char and char != "\n" and self.face_of(style, char) is None:
                unknown.append(f"U+{ord(char):04X}")
                continue
            if unknown:
                before = " " if pieces and pieces[-1] not in {" ", "\n"} else ""
                after = "" if char in {"", " ", "\n"} else " "
                pieces.append(f"{before}{' '.join(unknown)}{after}")
                unknown = []
            pieces.append(char)
        return "".join(pieces)

    def runs(self, text: str, style: Style) -> list[tuple[Face, str]]:
        """Printable text split into stretches of one font each."""
        found: list[tuple[Face, list[str]]] = []
        for char in text:
            face = self.face_of(style, char) or self.main[style]
            if found and found[-1][0] is face:
                found[-1][1].append(char)
            else:
                found.append((face, [char]))
        return [(face, "".join(chars)) for face, chars in found]

    # -- measuring -----------------------------------------------------------------------------------------

    def width(self, text: str, style: Style, size: float) -> float:
        """The width in points of printable text on one line."""
        per_point = self.measured.get((style, text))
        if per_point is None:
            if text.isascii():
                widths = self.main[style].widths
                per_point = sum([widths[char] for char in text])
            else:
                per_point = sum(
                    sum([face.widths[char] for char in run]) for face, run in self.runs(text, style)
                )
            if len(self.measured) > MEMO_LIMIT:
                self.measured.clear()
            self.measured[style, text] = per_point
        return per_point * size

    # -- breaking ------------------------------------------------------------------------------------------

    def wrap(self, text: str, style: Style, size: float, width: float) -> list[str]:
        """Lines of printable text, broken at spaces; a wider word breaks at soft places, then anywhere."""
        if "\n" not in text and self.width(text, style, size) <= width:
            return [text]
        lines: list[str] = []
        for stretch in text.split("\n"):
            lines += self.wrap_stretch(stretch, style, size, width)
        if not text.isascii() and RIGHT_TO_LEFT.search(text):
            # A line of a text runs as the whole text does, whatever letter it begins with
            direction = base_direction(text)
            self.directions |= dict.fromkeys(lines, direction)
        return lines

    def wrap_stretch(self, text: str, style: Style, size: float, width: float) -> list[str]:
        """One stretch without forced breaks."""
        space = self.width(" ", style, size)
        lines: list[str] = []
        line: list[str] = []
        used = 0.0
        for word in text.split(" "):
            long = self.width(word, style, size)
            if line and used + space + long > width:
                lines.append(" ".join(line))
                line, used = [], 0.0
            tail = word
            if long > width:
                *full, tail = self.broken(word, style, size, width)
                lines += full
                long = self.width(tail, style, size)
            used += long + (space if line else 0.0)
            line.append(tail)
        return [*lines, " ".join(line)]

    def broken(self, word: str, style: Style, size: float, width: float) -> list[str]:
        """A word in pieces that fit: the fullest piece that ends at a soft place, else by characters."""
        pieces: list[str] = []
        current = ""
        for part in SOFT.split(word):
            if current and self.width(current + part, style, size) > width:
                pieces.append(current)
                current = ""
            current += part
            while self.width(current, style, size) > width and len(current) > 1:
                cut = self.fitting(current, style, size, width)
                pieces.append(current[:cut])
                current = current[cut:]
        return [*pieces, current] if current or not pieces else pieces

    def fitting(self, text: str, style: Style, size: float, width: float) -> int:
        """How many characters fit, at least one; a combining mark stays with its letter."""
        used, at = 0.0, 0
        for char in text:
            face = self.face_of(style, char) or self.main[style]
            used += face.widths[char] * size
            if used > width:
                break
            at += 1
        while 1 < at < len(text) and unicodedata.combining(text[at]):
            at -= 1
        return max(at, 1)

    def lay(
        self,
        spans: Sequence[Span],
        width: float,
        size: float,
        base: Style = "regular",
        code_scale: float = 0.9,
    ) -> list[list[Fragment]]:
        """Marked-up text in lines. Code is set a little smaller, as its letters are larger."""
        words = list(self.words_of(spans, base))
        lines: list[list[Fragment]] = []
        line: list[Fragment] = []
        x = 0.0
        for glued, text, style, target in words:
            if text == "\n":
                lines.append(line)
                line, x = [], 0.0
                continue
            own = size * code_scale if style == "mono" else size
            gap = 0.0 if glued or not line else self.width(" ", base, size)
            long = self.width(text, style, own)
            if line and x + gap + long > width:
                kept, carried = parted(line) if glued else (line, [])
                if carried and carried[-1].x + carried[-1].width + long > width:
                    kept, carried = (
                        line,
                        [],
                    )  # the whole word is wider than a line: it breaks between its pieces
                lines.append(kept)
                line = carried
                x = line[-1].x + line[-1].width if line else 0.0
                gap = 0.0
            tail = text
            if long > width - x and not line:
                *full, tail = self.broken(text, style, own, width)
                lines += [
                    [Fragment(0.0, self.width(piece, style, own), piece, style, target)] for piece in full
                ]
                long = self.width(tail, style, own)
            line.append(Fragment(x + gap, long, tail, style, target))
            x += gap + long
        lines = [*lines, line] if line else lines
        return [merged(one) for one in lines]

    def words_of(self, spans: Iterable[Span], base: Style) -> Iterable[tuple[bool, str, Style, str]]:
        """Words with (glued to the one before, text, style, target); a forced break is a word of LF."""
        glued = False
        for span in spans:
            style: Style = "mono" if span.code else "bold" if span.bold else base
            for part in re.split(r"([ \n])", self.printable(span.text, style)):
                if part == " ":
                    glued = False
                elif part == "\n":
                    yield False, "\n", style, ""
                    glued = False
                elif part:
                    yield glued, part, style, span.target
                    glued = True

    # -- showing -------------------------------------------------------------------------------------------

    def show(self, text: str, style: Style, size: float) -> str:
        """Operators that show printable text at the current place within BT … ET."""
        return " ".join([f"{name} {size:g} Tf ({shown}) Tj" for name, shown in self.encoded(text, style)])

    def encoded(self, text: str, style: Style) -> list[tuple[str, str]]:
        """`(font name, escaped string)` for each run; the usual text is one run of its main font."""
        if text.isascii():
            if "(" in text or ")" in text or "\\" in text:
                text = text.translate(ESCAPES)
            return [(self.plain_name(style), text)]
        found = self.shown.get((style, text))
        if found is None:
            line = text
            if RIGHT_TO_LEFT.search(text):
                line = displayed(text, self.directions.get(text) or base_direction(text))
            found = []
            for face, run in self.runs(line, style):
                for subset, chunk in face.font.splitString(run, self.doc):
                    shown = chunk.decode("latin-1").translate(BYTE_ESCAPES)
                    found.append((face.font.getSubsetInternalName(subset, self.doc), shown))
            if len(self.shown) > MEMO_LIMIT:
                self.shown.clear()
            self.shown[style, text] = found
        return found

    def plain_name(self, style: Style) -> str:
        """The name of the style's first subset, which holds ASCII under its own codes."""
        name = self.plain_names.get(style)
        if name is None:
            font = self.main[style].font
            font.splitString("A", self.doc)
            name = self.plain_names[style] = font.getSubsetInternalName(0, self.doc)
        return name


def parted(line: list[Fragment]) -> tuple[list[Fragment], list[Fragment]]:
    """A line without its last word, and the pieces of that word moved to a line's start.

    A line that is one word stays as it is.
    """
    at = len(line) - 1
    while at and line[at].x - (line[at - 1].x + line[at - 1].width) < 0.01:
        at -= 1
    if not at:
        return line, []
    start = line[at].x
    moved = [Fragment(one.x - start, one.width, one.text, one.style, one.target) for one in line[at:]]
    return line[:at], moved


# In a content stream only these bytes need help; the stream itself is written as Latin-1.
BYTE_ESCAPES: Final = {**ESCAPES, 10: "\\n", 13: "\\r", 0: "\\000"}


def joined_arabic(text: str) -> str:
    """Arabic letters in their joined forms."""
    import arabic_reshaper

    return str(arabic_reshaper.reshape(text))


def base_direction(text: str) -> Literal["L", "R"]:
    """The direction of the first letter that has one."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in {"L", "R", "AL"}:
            return "L" if kind == "L" else "R"
    return "L"


def displayed(line: str, direction: Literal["L", "R"]) -> str:
    """A line in the order in which it is read off the paper (Unicode bidirectional algorithm)."""
    from bidi import get_display

    return str(get_display(line, base_dir=direction))


def merged(line: list[Fragment]) -> list[Fragment]:
    """Neighboring words of one style as one piece, with the spaces between them.

    So that a screen reader hears words, and words that run right to left stand in their order.
    """
    found: list[Fragment] = []
    for piece in line:
        last = found[-1] if found else None
        gap = " " if last and piece.x - (last.x + last.width) > 0.01 else ""
        if last and (last.style, last.target) == (piece.style, piece.target) and piece.style != "mono":
            width = piece.x + piece.width - last.x
            found[-1] = Fragment(last.x, width, f"{last.text}{gap}{piece.text}", last.style, last.target)
            continue
        if last and gap:
            found[-1] = Fragment(last.x, last.width, f"{last.text} ", last.style, last.target)
        found.append(piece)
    return found
