from __future__ import annotations

import pytest

from reports.blocks import Column, Document, Heading, Paragraph, Section, Table, fixed, number
from tests.reports.render.gallery import gallery


def document(*blocks: object, information: str = "") -> Document:
    return Document("T", "C", "R", (Section("s", "S", blocks),), information=information)  # type: ignore[arg-type]


def table(ident: str) -> Table:
    return Table(ident, ident.title(), (Column("a", "A"),), fixed([("x",)]))


def test_tables_and_figures_are_numbered_in_their_order() -> None:
    numbering = number(gallery())
    assert numbering.labels["tests"] == "Table 1"
    assert numbering.labels["weekly"] == "Figure 1"
    assert [entry.title for entry in numbering.headings()][:2] == [
        "What this package does not prove",
        "How to verify",
    ]


def test_two_headings_with_the_same_words_get_two_anchors() -> None:
    anchors = number(document(Heading(1, "Same"), Heading(2, "Same"), Heading(2, "2026"))).anchors
    assert list(anchors.values()) == ["same", "same-2", "h-2026"]


def test_two_tables_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="different ids; twice: x"):
        document(table("x"), table("x"))


def test_an_anchor_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        number(document(Heading(1, "A", "x"), table("x")))


@pytest.mark.parametrize("line", ["a(b", "a\\b", "a\nb", "ä"])
def test_an_information_line_that_would_be_escaped_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="information line"):
        document(Paragraph("x"), information=line)


def test_columns_need_different_keys() -> None:
    with pytest.raises(ValueError, match="different keys"):
        Table("t", "T", (Column("a", "A"), Column("a", "B")), fixed([]))


def test_numbers_stand_right_unless_asked_otherwise() -> None:
    assert Column("a", "A", kind="number").side == "right"
    assert Column("a", "A").side == "left"
    assert Column("a", "A", "center", "rate").side == "center"
