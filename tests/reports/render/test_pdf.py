from __future__ import annotations

import ctypes
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from reports.blocks import (
    Column,
    Contents,
    Document,
    Heading,
    Link,
    Note,
    Paragraph,
    Section,
    Span,
    Table,
    fixed,
)
from reports.render.sheet import MARGIN
from tests.reports.render.gallery import ROOT, gallery, member_rows, members

Print = Callable[[Document], bytes]


def texts(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]


def small(*blocks: object, draft: bool = False, footer: str = "Foot") -> Document:
    return Document("Title", "Client", "Running", (Section("s", "Sec", blocks),), footer=footer, draft=draft)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(fonts: Path) -> bytes:
    from reports.render.pdf import write_pdf

    out = io.BytesIO()
    write_pdf(gallery(), out, fonts=fonts)
    return out.getvalue()


def test_each_page_has_head_foot_and_its_number(whole: bytes) -> None:
    pages = texts(whole)
    assert len(pages) > 15
    for at, text in enumerate(pages):
        assert f"Page {at + 1} of {len(pages)}" in text
        assert "Ledger head" in text
        assert "issued 12 January 2027, version 1" in text
        if at:  # the cover says it large
            assert "Hartwell Clinics · Type II package" in text
    assert "Section IV · Controls, tests and results" in pages[4]


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_nothing_stands_in_the_margins(paper: str, printed: Print) -> None:
    opened = pypdfium2.PdfDocument(printed(gallery(paper=paper, draft=False)))  # type: ignore[arg-type]
    for at, page in enumerate(opened):
        width, height = page.get_size()
        assert (round(width), round(height)) == {"A4": (595, 842), "Letter": (612, 792)}[paper]
        text = page.get_textpage()
        box = [ctypes.c_double() for _ in range(4)]
        for char in range(text.count_chars()):
            if not pdfium.FPDFText_GetCharBox(text, char, *box) or text.get_text_range(char, 1).isspace():
                continue
            left, right, bottom, top = (one.value for one in box)
            assert left >= MARGIN - 1.5, (at, text.get_text_range(max(char - 20, 0), 40))
            assert right <= width - MARGIN + 1.5, (at, text.get_text_range(max(char - 20, 0), 40))
            assert bottom >= 25
            assert top <= height - 25


def test_no_character_is_printed_as_a_box_and_unknown_ones_as_code_points(whole: bytes) -> None:
    text = " ".join("\n".join(texts(whole)).split())
    for expected in (
        "Наталія",
        "Παπαδοπούλου",
        "Nguyễn",
        "Łukasz",
        "U+738B U+5C0F U+660E",
        "U+1F98A",
        "U+202E",
        "U+0000",
    ):
        assert expected in text
    assert "\ufffd" not in text
    opened = pikepdf.open(io.BytesIO(whole))
    shown = re.compile(rb"\((?:\\.|[^()\\])*\) Tj")
    for page in opened.pages:
        for piece in shown.findall(b"".join(stream.read_bytes() for stream in page.Contents)):
            assert b"\\000" not in piece, "code 0 is the empty box of each font"


def test_hebrew_and_arabic_are_ordered_and_joined(printed: Print) -> None:
    pdf = printed(small(Paragraph([Span("Signed by שירה לוי today")]), Paragraph([Span("محمد")])))
    raw = texts(pdf)[0]
    assert "Signed by" in raw
    opened = pikepdf.open(io.BytesIO(pdf))
    names = {str(font.BaseFont) for page in opened.pages for font in page.Resources.Font.values()}
    assert any("Hebrew" in name for name in names)
    assert any("Arabic" in name for name in names)


def test_all_fonts_are_embedded_subsets_with_unicode(whole: bytes) -> None:
    seen = set()
    for page in pikepdf.open(io.BytesIO(whole)).pages:
        for font in page.Resources.Font.values():
            assert "/FontFile2" in font.FontDescriptor
            assert "/ToUnicode" in font
            seen.add(str(font.BaseFont).split("+")[1])
    assert {
        "ProoflineSans-Regular",
        "ProoflineSans-SemiBold",
        "ProoflineSans-Bold",
        "ProoflineMono-Regular",
    } <= seen


def test_the_information_stands_uncompressed_in_the_bytes(whole: bytes) -> None:
    assert f"proofline hartwell-type2-2026-v1 {ROOT}".encode() in whole


def test_title_language_tags_and_preferences_are_set(whole: bytes) -> None:
    opened = pikepdf.open(io.BytesIO(whole))
    root = opened.Root
    assert str(root.Lang) == "en"
    assert bool(root.ViewerPreferences.DisplayDocTitle) is True
    assert bool(root.MarkInfo.Marked) is True
    assert str(opened.docinfo["/Title"]) == "Hartwell Clinics · Type II package 2026"
    assert str(opened.docinfo["/CreationDate"]).startswith("D:20270112090000")
    kids = list(root.StructTreeRoot.K[0].K)
    roles = {str(kid.S) for kid in kids}
    assert {"/H1", "/H2", "/P", "/Table", "/Figure", "/TOCI"} <= roles
    figures = [kid for kid in kids if kid.S == "/Figure"]
    assert len(figures) == 7
    assert all("." in str(figure.Alt) for figure in figures)
    nums = root.StructTreeRoot.ParentTree.Nums
    tree = {int(nums[at]): nums[at + 1] for at in range(0, len(nums), 2)}
    leaves = [kid for kid in kids if kid.S != "/Table"]
    for kid in leaves[:50]:  # each element's page knows it under its number
        assert tree[int(kid.Pg.StructParents)][int(kid.K)].objgen == kid.objgen


def test_a_table_that_a_person_reads_has_rows_and_cells_in_the_structure_tree(printed: Print) -> None:
    columns = (Column("a", "A"), Column("b", "B"))
    opened = pikepdf.open(io.BytesIO(printed(small(Table("t", "T", columns, fixed([("x", "y")] * 60))))))
    kids = list(opened.Root.StructTreeRoot.K[0].K)
    table = next(kid for kid in kids if kid.S == "/Table")
    rows = list(table.K)
    assert len(rows) == 61
    assert [str(cell.S) for cell in rows[0].K] == ["/TH", "/TH"]
    assert [str(cell.S) for cell in rows[60].K] == ["/TD", "/TD"]
    assert rows[60].K[1].Pg.objgen == opened.pages[1].objgen


@pytest.mark.parametrize("count", range(30, 42))
def test_the_last_row_is_never_alone_on_a_page(count: int, printed: Print) -> None:
    rows = [(f"row{at:03}",) for at in range(count)]
    for text in texts(printed(small(Table("t", "T", (Column("a", "A"),), fixed(rows))))):
        assert text.count("row0") != 1


def test_contents_name_the_page_on_which_each_heading_stands(whole: bytes) -> None:
    pages = texts(whole)
    contents = pages[2]
    for title, line in (
        ("Population rows", r"Population rows\s+(\d+)"),
        ("Exceptions of the period", r"Exceptions of the period\s+(\d+)"),
    ):
        number = re.search(line, contents)
        assert number, contents
        assert title in pages[int(number[1]) - 1]


def test_contents_bookmarks_and_links_lead_where_they_say(whole: bytes) -> None:
    opened = pikepdf.open(io.BytesIO(whole))
    with opened.open_outline() as outline:
        titles = [item.title for item in outline.root]
        assert titles[:3] == [
            "Type II package",
            "What this package does not prove",
            "I. Independent auditor's report",
        ]
        parts = [child.title for item in outline.root for child in item.children]
    assert "AC-01 Administrators use MFA" in parts
    pages = {page.objgen: at for at, page in enumerate(opened.pages)}
    links = list(opened.pages[2].Annots)
    leads = [pages[note.Dest[0].objgen] for note in links]
    assert leads[:5] == sorted(leads[:5])
    assert len(links) > 15


def test_a_link_to_nowhere_is_left_out_and_a_web_address_kept(printed: Print) -> None:
    pdf = printed(
        small(
            Paragraph(
                [
                    Span("gone", target="#nowhere"),
                    Span(" out", target="https://example.org/a(b"),
                    Span(" portal", target="/c/x/"),
                ]
            )
        )
    )
    opened = pikepdf.open(io.BytesIO(pdf))
    assert [str(note.A.URI) for note in opened.pages[0].Annots] == ["https://example.org/a%28b"]


def test_a_draft_says_so_across_each_page_and_an_issued_one_does_not(printed: Print) -> None:
    assert all("DRAFT" in text for text in texts(printed(gallery(rows=5))))
    assert not any("DRAFT" in text for text in texts(printed(gallery(rows=5, draft=False))))


def test_heads_are_repeated_and_rows_stand_whole_on_one_page(printed: Print) -> None:
    pages = texts(printed(small(members(200))))
    assert len(pages) > 4
    body = re.compile(r"^(\d+) (e:[0-9a-f]{32}) ", re.MULTILINE)
    seen: list[int] = []
    for at, text in enumerate(pages):
        rows = body.findall(text)
        assert "Member" in text
        assert "Occurred" in text
        assert len(rows) >= 2
        assert ("Table 1, continued" in text) is (at > 0)
        seen += [int(number) for number, _ in rows]
    assert seen == list(range(1, 201))


def test_a_row_taller_than_a_page_is_continued_and_nothing_of_it_is_lost(printed: Print) -> None:
    long = " ".join(f"w{at}" for at in range(3000))
    pages = texts(
        printed(
            small(
                Table(
                    "t",
                    "T",
                    (Column("a", "A", kind="id"), Column("b", "B")),
                    fixed([("r-1", long), ("r-2", "end")]),
                )
            )
        )
    )
    found = re.findall(r"\bw(\d+)\b", " ".join(pages))
    assert [int(one) for one in found] == list(range(3000))
    assert len(pages) > 1
    assert "r-2" in pages[-1]


@pytest.mark.parametrize("words", range(30, 900, 29))
def test_a_heading_never_stands_alone_at_the_foot_of_a_page(words: int, printed: Print) -> None:
    blocks = [
        Paragraph("word " * words),
        Paragraph("word " * words),
        Heading(2, "The heading"),
        Paragraph("follows " * 40),
    ]
    for text in texts(printed(small(*blocks))):
        if "The heading" in text:
            assert "follows" in text


@pytest.mark.parametrize("rows", range(24, 40, 3))
def test_a_heading_stays_with_the_head_and_two_rows_of_its_table(rows: int, printed: Print) -> None:
    first = Table("a", "First", (Column("a", "A"),), fixed([("x",)] * rows), numbered=False)
    second = Table(
        "b", "Second", (Column("b", "Bcol"),), fixed([(f"row{at}",) for at in range(50)]), numbered=False
    )
    for text in texts(printed(small(first, Heading(2, "The heading"), second))):
        if "The heading" in text:
            assert "Bcol" in text
            assert "row1" in text


def test_ids_stay_unbroken_and_numbers_stand_right(printed: Print) -> None:
    rows = [(f"EX-{at:04}", 10**at, "words " * 30) for at in range(9)]
    columns = (Column("id", "Id", kind="id"), Column("n", "Count", kind="number"), Column("w", "Words"))
    pdf = printed(small(Table("t", "T", columns, fixed(rows))))
    text = texts(pdf)[0]
    for at in range(9):
        assert f"EX-{at:04}" in text
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    rights = []
    box = [ctypes.c_double() for _ in range(4)]
    whole_text = page.get_text_range()
    for at in range(1, 9):
        shown = f"{10**at:,}".replace(",", "\u202f")
        place = page.search(f"EX-{at:04}").get_next()
        assert place
        end = whole_text.index(shown, place[0]) + len(shown) - 1 if shown in whole_text else None
        if end is not None:
            pdfium.FPDFText_GetCharBox(page, end, *box)
            rights.append(round(box[1].value))
    assert len(set(rights)) <= 2, rights


def test_a_number_with_more_digits_than_the_sample_showed_is_not_broken(printed: Print) -> None:
    rows = [(at, "x " * 40) for at in range(400)] + [(123_456_789, "y")]
    text = texts(
        printed(small(Table("t", "T", (Column("n", "n", kind="number"), Column("w", "W")), fixed(rows))))
    )[-1]
    assert re.search("123.?456.?789 y", text)


def test_hostile_text_is_text(printed: Print) -> None:
    hostile = [
        ("') Tj ET Q 0 0 m (", "\\"),
        ("<script>", "))((\\("),
        ("%PDF-1.7\r\nendstream", "\x00\x1b[31m"),
    ]
    pdf = printed(small(Table("t", "T", (Column("a", "A"), Column("b", "B")), fixed(hostile))))
    text = texts(pdf)[0]
    assert "') Tj ET Q 0 0 m (" in text
    assert "))((\\(" in text
    assert "U+0000 U+001B" in text
    assert pikepdf.open(io.BytesIO(pdf)).check_pdf_syntax() == []


def test_an_empty_table_says_its_sentence_under_its_heads(printed: Print) -> None:
    text = texts(
        printed(small(Table("t", "T", (Column("a", "Column A"),), fixed([]), empty="None recorded.")))
    )[0]
    assert "Column A" in text
    assert "None recorded." in text


def test_a_wrong_number_of_rows_or_values_is_an_error(printed: Print) -> None:
    with pytest.raises(ValueError, match="was to have 3 rows, but 2 came"):
        printed(small(Table("t", "T", (Column("a", "A"),), fixed([("x",), ("y",)]), row_count=3)))
    with pytest.raises(ValueError, match="has 1 columns, but a row has 2 values"):
        printed(small(Table("t", "T", (Column("a", "A"),), fixed([("x", "y")]))))


def test_rows_are_read_once(printed: Print) -> None:
    reads = 0

    def rows():  # type: ignore[no-untyped-def]
        nonlocal reads
        reads += 1
        yield from member_rows(1200)

    table = Table("t", "T", members(1).columns, rows)
    printed(small(table))
    assert reads == 1


BUILD = """
import io, sys, hashlib
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.reports.render.gallery import gallery
from reports.render.pdf import write_pdf
from reports.render.json import write_json
from reports.render.csv import write_csv_zip
def pdf(out):
    write_pdf(gallery(rows=900), out, fonts=Path({fonts!r}))
for write in (pdf, lambda out: write_json(gallery(), out), lambda out: write_csv_zip(gallery(), out, prefix="x")):
    out = io.BytesIO()
    write(out)
    print(hashlib.sha256(out.getvalue()).hexdigest())
"""


def test_two_processes_print_the_same_bytes(tmp_path: Path, fonts: Path) -> None:
    root = str(Path(__file__).resolve().parents[3])
    code = BUILD.format(root=root, fonts=str(fonts))
    found = set()
    for seed, zone, place in (("1", "UTC", tmp_path), ("77", "Pacific/Auckland", Path("/"))):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        made = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=place,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(made.stdout)
    assert len(found) == 1
    assert len(set(next(iter(found)).split())) == 3


def test_another_document_has_another_id(printed: Print) -> None:
    ids = set()
    for footer in ("a", "b"):
        sections = (Section("s", "S", (Paragraph("x"),)),)
        line = f"proofline {footer} 00"
        made = Document(
            "T", "C", "R", sections, footer, information=line, date=datetime(2027, 1, 1, tzinfo=UTC)
        )
        ids.add(bytes(pikepdf.open(io.BytesIO(printed(made))).trailer.ID[0]))
    assert len(ids) == 2


def test_contents_longer_than_a_page_still_name_the_right_pages(printed: Print) -> None:
    chapters = tuple(
        Section(f"c{at}", f"Chapter {at}", (Heading(1, f"Chapter number {at}"), Paragraph("x")))
        for at in range(90)
    )
    pdf = printed(Document("T", "C", "R", (Section("toc", "Contents", (Contents(),)), *chapters), footer="F"))
    pages = texts(pdf)
    contents = " ".join(text for text in pages[:4])
    for at in (0, 45, 89):
        number = re.search(rf"Chapter number {at}\s+(\d+)", contents)
        assert number
        assert f"Chapter number {at}" in pages[int(number[1]) - 1]


def test_a_gap_box_that_is_longer_than_a_page_is_printed_whole(printed: Print) -> None:
    pages = texts(printed(small(Note("gap", " ".join(f"g{at}" for at in range(2500)), "Title."))))
    assert [int(one) for one in re.findall(r"\bg(\d+)\b", " ".join(pages))] == list(range(2500))


def test_a_link_in_a_cell_leads_to_the_row_that_it_names(printed: Print) -> None:
    from reports.blocks import Target

    first = Table("a", "A", (Column("x", "X"),), fixed([(Link("EX-0301", anchor="EX-0301"),)]))
    second = Table("b", "B", (Column("x", "X"),), fixed([(Target("EX-0301", "EX-0301"),)]))
    opened = pikepdf.open(
        io.BytesIO(
            printed(Document("T", "C", "R", (Section("a", "A", (first,)), Section("b", "B", (second,)))))
        )
    )
    assert opened.pages[0].Annots[0].Dest[0].objgen == opened.pages[1].objgen


@pytest.mark.slow
def test_a_year_of_rows_is_printed_whole_in_little_memory(tmp_path: Path, fonts: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
        "from tests.reports.render.gallery import gallery\nfrom reports.render.pdf import write_pdf\n"
        f"out = open({str(tmp_path / 'year.pdf')!r}, 'wb')\n"
        f"pages = write_pdf(gallery(rows=39_000), out, fonts=Path({str(fonts)!r}))\nout.close()\n"
        # not ru_maxrss, which a child takes over from the process that forked it
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(pages, int(peak) // 1024)\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pages, mebibytes = (int(one) for one in made.stdout.split())
    assert mebibytes <= 150
    opened = pypdfium2.PdfDocument(tmp_path / "year.pdf")
    assert len(opened) == pages
    assert pages < 1300
    last = opened[pages - 1].get_textpage().get_text_range()
    assert f"Page {pages} of {pages}" in last
    assert re.search("39.000 rows", last)


def test_words_stay_apart_for_whoever_hears_or_copies_them(printed: Print) -> None:
    words = [f"w{at}" for at in range(400)]
    columns = (Column("a", "A title of several words", width=60), Column("b", "B"))
    table = Table("t", "T", columns, fixed([(" ".join(words), "z")]))
    pdf = printed(small(Paragraph(" ".join(words)), Note("gap", " ".join(words)), table))
    stream = b"".join(
        piece.read_bytes() for page in pikepdf.open(io.BytesIO(pdf)).pages for piece in page.Contents
    )
    drawn = b"".join(re.findall(rb"\(((?:\\.|[^()\\])*)\) Tj", stream)).decode("latin-1").split()
    for word in words:
        assert drawn.count(word) == 3
