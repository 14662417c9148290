"""The pages of a PDF: geometry, head and foot, colors, links, bookmarks, tags, and saving with fixed bytes.

What stands on a page goes straight into its content stream. "Page x of y" is added when the last page is known,
as a second small stream per page; the page numbers of the contents replace marks in the stream of their page. So
nothing is laid out twice.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

from reports.blocks.model import Document
from reports.charts.tokens import rgb
from reports.render.tags import Tags
from reports.render.typeset import Fragment, Style, Typesetter

MM: Final = 72 / 25.4
MARGIN: Final = 22 * MM
HEAD_BASELINE: Final = 17.5 * MM  # from the upper edge
HEAD_RULE: Final = 20.6 * MM
BODY_TOP: Final = 27.5 * MM
FOOT_BASELINE: Final = 11.5 * MM  # from the lower edge
BODY_BOTTOM: Final = 20 * MM
SMALL: Final = 7.2
SIZES: Final = {"A4": A4, "Letter": LETTER}
FILL: Final = {name: "{:.3f} {:.3f} {:.3f} rg".format(*rgb(name)) for name in (
    "ink", "ink-2", "ink-3", "accent", "action", "brand", "met", "deviation", "attention", "unknown", "none", "card",
    "line", "line-2", "paper", "met-ground", "deviation-ground", "attention-ground", "unknown-ground", "none-ground",
)}  # fmt: skip
STROKE: Final = {name: text.replace("rg", "RG") for name, text in FILL.items()}
CREAM: Final = "1 0.976 0.933 rg"
NUMBER_MARK: Final = re.compile(r"^%N(\d+)$", re.MULTILINE)
WATERMARK: Final = "0.95 0.95 0.95 rg"


@dataclass(frozen=True, slots=True)
class Jump:
    """A link's rectangle on a page, to an anchor of this document or to an address."""

    page: int
    left: float
    bottom: float
    right: float
    top: float
    target: str


class Sheet:
    """The current page and all that were before it. `y` is where the next thing may begin."""

    def __init__(self, document: Document, out: BinaryIO, fonts: Path) -> None:
        self.document = document
        self.out = out
        self.width, self.height = SIZES[document.paper]
        self.left = MARGIN
        self.right = self.width - MARGIN
        self.measure = self.right - self.left
        self.top = self.height - BODY_TOP
        self.bottom = BODY_BOTTOM
        self.canvas = opened(document, out, (self.width, self.height))
        self.doc = self.canvas._doc
        self.text = Typesetter(self.doc, fonts)
        self.tags = Tags()
        self.section = ""
        self.bare = False  # no running head: the cover
        self.page = 0
        self.ops: list[str] = []
        self.y = 0.0
        self.started = False
        self.places: dict[str, tuple[int, float]] = {}
        self.jumps: list[Jump] = []
        self.numbers: list[tuple[int, float, float, str]] = []
        self.waiting: dict[int, str] = {}
        self.bookmarks: list[tuple[int, str, str]] = []

    # -- pages ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a page: watermark under everything, head, foot."""
        self.ops = self.canvas._code
        self.started = True
        self.y = self.top
        self.tags.page(self.page)
        self.ops.append("/Artifact BMC")
        if self.document.draft:
            self.watermark()
        if not self.bare:
            self.head()
        foot = self.cut(self.document.footer, "regular", SMALL, self.measure - 70)
        self.put(self.left, FOOT_BASELINE, foot, "regular", SMALL, "ink-3")
        self.ops.append("EMC")

    def watermark(self) -> None:
        """DRAFT across the page, so pale that what stands on it can be read."""
        size = 132.0
        half = self.text.width("DRAFT", "bold", size) / 2
        turn = 0.7071
        x = self.width / 2 - turn * half + turn * size * 0.35
        y = self.height / 2 - turn * half - turn * size * 0.35
        shown = self.text.show("DRAFT", "bold", size)
        self.ops.append(f"q {WATERMARK} BT {turn} {turn} -{turn} {turn} {x:.2f} {y:.2f} Tm {shown} ET Q")

    def head(self) -> None:
        """Client, package and period left; the section right; a rule below."""
        y = self.height - HEAD_BASELINE
        right = self.cut(self.section, "regular", SMALL, self.measure * 0.42)
        taken = self.text.width(right, "regular", SMALL)
        left = self.cut(self.document.running, "regular", SMALL, self.measure - taken - 18)
        self.put(self.left, y, left, "regular", SMALL, "ink-3")
        self.put(self.right - taken, y, right, "regular", SMALL, "ink-3")
        self.rule(self.left, self.right, self.height - HEAD_RULE, "line", 0.7)

    def cut(self, text: str, style: Style, size: float, room: float) -> str:
        """Text on one line, with an ellipsis where it is too long (head and foot only)."""
        text = self.text.printable(text, style).replace("\n", " ")
        if self.text.width(text, style, size) <= room:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.text.width(text[:middle].rstrip() + "…", style, size) <= room:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "…"

    def ensure(self) -> None:
        """There is a page to draw on."""
        if not self.started:
            self.begin()

    def end(self) -> None:
        """Close the page, if one is open."""
        if not self.started:
            return
        self.canvas.showPage()
        page = self.doc.Pages.pages[-1]
        # Compressed at once: 1,200 open pages would be 30 MiB of text
        if self.numbers and self.numbers[-1][0] == self.page:
            self.waiting[self.page] = page.stream
        page.Contents = Stream(page.stream.encode("latin-1"))
        page.stream = None
        self.started = False
        self.page += 1

    def turn(self) -> None:
        """End this page and begin the next."""
        self.end()
        self.begin()

    @property
    def room(self) -> float:
        """Points left above the foot."""
        self.ensure()
        return self.y - self.bottom

    def need(self, points: float) -> None:
        """Begin a new page unless so much room is left, or the page is still empty."""
        if self.room < points and self.y < self.top:
            self.turn()

    # -- drawing -------------------------------------------------------------------------------------------

    def put(self, x: float, y: float, text: str, style: Style, size: float, token: str = "ink") -> None:
        """Printable text at a place, and a space behind it: whoever hears or copies lines hears words."""
        if text:
            shown = self.text.show(text, style, size)
            self.ops.append(f"{FILL[token]} BT 1 0 0 1 {x:.2f} {y:.2f} Tm {shown} ( ) Tj ET")

    def put_right(
        self, right: float, y: float, text: str, style: Style, size: float, token: str = "ink"
    ) -> None:
        """Printable text that ends at a place."""
        self.put(right - self.text.width(text, style, size), y, text, style, size, token)

    def put_line(
        self, x: float, y: float, line: list[Fragment], size: float, token: str = "ink", code: float = 0.9
    ) -> None:
        """A laid-out line; pieces that lead somewhere are colored and linked."""
        for piece in line:
            own = size * code if piece.style == "mono" else size
            self.put(x + piece.x, y, piece.text, piece.style, own, "accent" if piece.target else token)
            if piece.target:
                self.link(
                    x + piece.x, y - size * 0.25, x + piece.x + piece.width, y + size * 0.8, piece.target
                )

    def rule(self, left: float, right: float, y: float, token: str = "line", weight: float = 0.5) -> None:
        """A horizontal rule."""
        self.ops.append(f"{STROKE[token]} {weight:g} w {left:.2f} {y:.2f} m {right:.2f} {y:.2f} l S")

    def fill(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """A filled rectangle; `color` is a token or an operator."""
        self.ops.append(f"{FILL.get(color, color)} {x:.2f} {y:.2f} {width:.2f} {height:.2f} re f")

    def frame(
        self, x: float, y: float, width: float, height: float, token: str = "line", dash: str = "[] 0 d"
    ) -> None:
        """The outline of a rectangle."""
        self.ops.append(f"q {STROKE[token]} 0.6 w {dash} {x:.2f} {y:.2f} {width:.2f} {height:.2f} re S Q")

    # -- places and links ----------------------------------------------------------------------------------

    def place(self, anchor: str, y: float) -> None:
        """Remember where an anchor is; the first of a name counts."""
        if anchor and anchor not in self.places:
            self.places[anchor] = (self.page, min(y + 6, self.height))

    def link(self, left: float, bottom: float, right: float, top: float, target: str) -> None:
        """A link: `#anchor` within the document, else an absolute address. Portal paths lead nowhere on paper."""
        if target.startswith(("#", "mailto:")) or "://" in target:
            self.jumps.append(Jump(self.page, left, bottom, right, top, target))

    def bookmark(self, level: int, title: str, anchor: str) -> None:
        """An entry of the outline, level 0 the uppermost."""
        self.bookmarks.append((level, title, anchor))

    def number_later(self, x: float, y: float, anchor: str) -> None:
        """The page number of an anchor, right-aligned at x, written when it is known."""
        self.ops.append(f"%N{len(self.numbers)}")  # a comment of its own line, replaced at the end
        self.numbers.append((self.page, x, y, anchor))

    @contextmanager
    def tagged(self, role: str, alternative: str = "", parent: int | None = None) -> Iterator[None]:
        """What is drawn inside belongs to one structure element."""
        self.ensure()
        number = self.tags.begin(role, alternative, parent)
        self.ops.append(f"/{role} <</MCID {number}>> BDC")
        yield
        self.ops.append("EMC")

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """What is drawn inside is decoration and is not read aloud."""
        self.ensure()
        self.ops.append("/Artifact BMC")
        yield
        self.ops.append("EMC")

    # -- the end -------------------------------------------------------------------------------------------

    def save(self) -> int:
        """Write page numbers, links, bookmarks, tags and the file. Returns the number of pages."""
        self.ensure()
        self.end()
        pages = self.doc.Pages.pages
        total = len(pages)
        late: list[list[str]] = [[] for _ in pages]
        for at, page in enumerate(late):
            text = f"Page {at + 1} of {total}"
            x = self.right - self.text.width(text, "regular", SMALL)
            shown = self.text.show(text, "regular", SMALL)
            page.append(
                f"/Artifact BMC {FILL['ink-3']} BT 1 0 0 1 {x:.2f} {FOOT_BASELINE:.2f} Tm {shown} ET EMC"
            )
        for at, stream in self.waiting.items():
            filled = NUMBER_MARK.sub(lambda found: self.numbered(int(found[1])), stream)
            pages[at].Contents = Stream(filled.encode("latin-1"))
        for page, added in zip(pages, late, strict=True):
            streams = [
                self.doc.Reference(page.Contents),
                self.doc.Reference(Stream("\n".join(added).encode("latin-1"))),
            ]
            page.Contents = pdfdoc.PDFArray(streams)
        self.annotate(pages)
        self.outline()
        self.tags.write(self.doc, pages)
        self.canvas._doc.SaveToFile(self.out, self.canvas)
        return total

    def numbered(self, at: int) -> str:
        """The operators of one page number of the contents."""
        _, x, y, anchor = self.numbers[at]
        if anchor not in self.places:
            return ""
        text = str(self.places[anchor][0] + 1)
        start = x - self.text.width(text, "regular", 9)
        return f"{FILL['ink-2']} BT 1 0 0 1 {start:.2f} {y:.2f} Tm {self.text.show(text, 'regular', 9)} ET"

    def annotate(self, pages: list[Any]) -> None:
        """Links as compact dictionaries in their page; those to anchors that do not exist are left out."""
        collected: dict[int, list[Any]] = {}
        for jump in self.jumps:
            if jump.target.startswith("#"):
                place = self.places.get(jump.target[1:])
                if place is None:
                    continue
                page = self.doc.Reference(pages[place[0]])
                leads = f"/Dest [{reference(self.doc, page)} /XYZ null {place[1]:.1f} null]"
            else:
                uri = jump.target.encode("ascii", "ignore").decode().replace("\\", "%5C")
                uri = uri.replace("(", "%28").replace(")", "%29")
                leads = f"/A <</S /URI /URI ({uri})>>"
            box = f"{jump.left:.1f} {jump.bottom:.1f} {jump.right:.1f} {jump.top:.1f}"
            note = f"<</Type /Annot /Subtype /Link /Rect [{box}] /Border [0 0 0] /F 4 {leads}>>"
            collected.setdefault(jump.page, []).append(note.encode("latin-1"))
        for at, notes in collected.items():
            pages[at].Annots = pdfdoc.PDFArray(notes)

    def outline(self) -> None:
        """Bookmarks; a level that jumps is drawn up, for readers refuse holes."""
        current = -1
        for level, title, anchor in self.bookmarks:
            if anchor not in self.places:
                continue
            current = min(level, current + 1)
            page, y = self.places[anchor]
            destination = self.canvas._bookmarkReference(anchor)
            destination.xyz(0, y, 0)
            destination.setPage(self.doc.Pages.pages[page])
            self.canvas.addOutlineEntry(title, anchor, level=current, closed=current > 0)


class Stream(pdfdoc.PDFObject):  # type: ignore[misc]
    """A compressed content stream, packed when it is made."""

    __RefOnly__ = 1

    def __init__(self, content: bytes) -> None:
        self.packed = zlib.compress(content, 6)

    def format(self, document: Any) -> bytes:
        """The stream object's bytes."""
        length = str(len(self.packed)).encode()
        return b"<< /Filter /FlateDecode /Length " + length + b" >>\nstream\n" + self.packed + b"\nendstream"


class Stamp:
    """A fixed time in the form that reportlab reads for dates and ids."""

    def __init__(self, moment: datetime) -> None:
        utc = moment.astimezone(UTC)
        self.t = utc.timestamp()
        self.lt = utc.timetuple()
        self.YMDhms = tuple(self.lt)[:6]
        self.dhh = self.dmm = 0
        self.tzname = "UTC"


def reference(doc: Any, made: Any) -> str:
    """`12 0 R`."""
    return str(made.format(doc).decode("latin-1"))


def opened(document: Document, out: BinaryIO, size: tuple[float, float]) -> Canvas:
    """A canvas whose bytes depend on the document alone."""
    canvas = Canvas(
        out, pagesize=size, invariant=1, pageCompression=1, lang=document.language, pdfVersion=(1, 7)
    )
    doc = canvas._doc
    doc._timeStamp = Stamp(document.date)
    # The file's id must not be the one of every other document made by reportlab with that date
    doc.signature.update(repr((document.title, document.client, document.information)).encode())
    canvas.setTitle(document.title)
    canvas.setAuthor(document.author)
    canvas.setSubject(document.subject or document.running)
    canvas.setCreator("Proofline")
    canvas.setKeywords(document.information)
    doc.setProducer("Proofline")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.showOutline()
    canvas._preamble = ""
    # reportlab's own first font, which nothing here uses and which would not be embedded
    doc.idToObject["BasicFonts"].dict.clear()
    doc.fontMapping.clear()
    return canvas
