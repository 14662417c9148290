"""The structure tree of a PDF: headings, paragraphs, tables and figures with their text alternatives.

Written as compact dictionaries by hand: reportlab has no support for tags beyond the catalog's entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from reportlab.pdfbase import pdfdoc

ROLES: Final = frozenset({"H1", "H2", "H3", "P", "Figure", "Table", "TR", "TH", "TD", "TOCI", "Note", "Code"})


@dataclass(slots=True)
class Element:
    """One structure element: its role, its page, its marked-content number there, its text alternative.

    One without a number holds others: a table its rows, a row its cells. `parent` is the place of the holder.
    """

    role: str
    page: int
    number: int | None
    alternative: str
    parent: int | None = None


class Raw(pdfdoc.PDFObject):  # type: ignore[misc]
    """A dictionary whose bytes are made when it is written."""

    __RefOnly__ = 1

    def __init__(self, text: str) -> None:
        self.text = text

    def format(self, document: Any) -> bytes:
        """The bytes."""
        return self.text.encode("latin-1")


class Tags:
    """Collects elements while pages are drawn."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.current = 0
        self.count = 0

    def page(self, number: int) -> None:
        """A new page begins: marked-content numbers start at 0."""
        self.current, self.count = number, 0

    def begin(self, role: str, alternative: str = "", parent: int | None = None) -> int:
        """A new element on this page; returns its marked-content number."""
        self.add(role, self.count, alternative, parent)
        self.count += 1
        return self.count - 1

    def hold(self, role: str, parent: int | None = None) -> int:
        """A new element that holds others; returns its place, to be given as their parent."""
        self.add(role, None, "", parent)
        return len(self.elements) - 1

    def add(self, role: str, number: int | None, alternative: str, parent: int | None) -> None:
        """Append an element. ValueError for a role that the tree does not know."""
        if role not in ROLES:
            raise ValueError(f"{role} is no role of the structure tree.")
        self.elements.append(Element(role, self.current, number, alternative, parent))

    def write(self, doc: Any, pages: list[Any]) -> None:
        """Hang the tree into the catalog: root → document → elements, and the tree from page to elements."""
        if not self.elements:
            return
        root, body, tree = Raw(""), Raw(""), Raw("")
        root_ref, body_ref, tree_ref = (refer(doc, one) for one in (root, body, tree))
        per_page: dict[int, list[str]] = {}
        made = [Raw("") for _ in self.elements]
        references = [refer(doc, one) for one in made]
        kids: dict[int | None, list[str]] = {}
        for reference, one in zip(references, self.elements, strict=True):
            kids.setdefault(one.parent, []).append(reference)
            if one.number is not None:
                per_page.setdefault(one.page, []).append(reference)
        for at, one in enumerate(self.elements):
            holder = body_ref if one.parent is None else references[one.parent]
            holds = f"[{' '.join(kids.get(at, []))}]" if one.number is None else str(one.number)
            alternative = f" /Alt {text_string(one.alternative)}" if one.alternative else ""
            scope = " /A <</O /Table /Scope /Column>>" if one.role == "TH" else ""
            made[at].text = (
                f"<</Type /StructElem /S /{one.role} /P {holder} /Pg {refer(doc, pages[one.page])} "
                f"/K {holds}{alternative}{scope}>>"
            )
        numbers = " ".join(f"{at} [{' '.join(listed)}]" for at, listed in sorted(per_page.items()))
        tree.text = f"<</Nums [{numbers}]>>"
        body.text = f"<</Type /StructElem /S /Document /P {root_ref} /K [{' '.join(kids[None])}]>>"
        root.text = (
            f"<</Type /StructTreeRoot /K [{body_ref}] /ParentTree {tree_ref} /ParentTreeNextKey {len(pages)} "
            "/RoleMap <</Code /P>>>>"
        )
        for at, page in enumerate(pages):
            if at in per_page:
                page.__dict__["StructParents"] = at
                page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]
                page.Tabs = pdfdoc.PDFName("S")
        doc.Catalog.StructTreeRoot = root
        doc.Catalog.MarkInfo = pdfdoc.PDFDictionary({"Marked": pdfdoc.PDFtrue})


def refer(doc: Any, thing: Any) -> str:
    """`12 0 R` for an object, registered on first use."""
    return str(doc.Reference(thing).format(doc).decode("latin-1"))


def text_string(text: str) -> str:
    """A text string in UTF-16 with its mark, as hex, so that any script can stand in it."""
    encoded = text.encode("utf-16-be", "replace")
    return f"<FEFF{encoded.hex().upper()}>"
