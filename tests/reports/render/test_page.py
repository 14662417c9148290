from __future__ import annotations

import re
from datetime import UTC
from html.parser import HTMLParser

import pytest

from reports.blocks import Column, Heading, Link, Paragraph, Span, Table, fixed
from reports.render.page import render_blocks, render_document
from tests.reports.render.gallery import HOSTILE, gallery, members

VOID = {"br", "hr", "img", "input", "meta", "link"}


class Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and (value or "").startswith("#"):
                self.targets.append((value or "")[1:])
            assert name != "style"
            assert not name.startswith("on")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    return str(render_document(gallery()))


def test_the_page_is_well_formed_without_style_or_script(page: str) -> None:
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<script" not in page
    twice = {one for one in balance.ids if balance.ids.count(one) > 1}
    assert not twice
    assert set(balance.targets) <= set(balance.ids)
    for before, after in zip(balance.headings, balance.headings[1:], strict=False):
        assert after - before <= 1


def test_text_from_sources_is_escaped() -> None:
    shown = render_blocks(
        (
            Heading(1, HOSTILE[0]),
            Paragraph([Span(HOSTILE[0])]),
            Table(
                "t",
                HOSTILE[0],
                (Column("a", HOSTILE[0]),),
                fixed([(HOSTILE[0],), (Link(HOSTILE[0], href='"x'),)]),
            ),
        ),
        zone=UTC,
    )
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    assert 'href="&quot;x"' in shown


def test_a_long_table_shows_fifty_rows_and_says_so() -> None:
    shown = render_blocks((members(1204),), zone=UTC)
    assert shown.count("<tr") == 51
    assert "showing 50 of 1\u202f204" in shown


def test_a_table_without_a_count_is_counted() -> None:
    table = Table("t", "T", (Column("a", "A"),), fixed([(at,) for at in range(60)]), more="/c/x/all")
    shown = render_blocks((table,), zone=UTC)
    assert "showing 50 of 60" in shown
    assert 'href="/c/x/all"' in shown


def test_an_empty_table_keeps_its_heads_and_says_its_sentence() -> None:
    shown = render_blocks(
        (Table("t", "T", (Column("a", "Column A"),), fixed([]), empty="None recorded."),), zone=UTC
    )
    assert "Column A" in shown
    assert "None recorded." in shown


def test_each_chart_has_its_words_and_its_table(page: str) -> None:
    assert page.count("<figcaption>Figure") == 7
    assert page.count("The figures as a table") == 7
    assert page.count('role="img"') == 13  # two widths each, the sparkline one
    assert "var(--met,#" in page


def test_a_state_is_a_pill_with_its_shape(page: str) -> None:
    assert re.search(r'<span class="pill deviation"><svg class="shape"', page)


def test_an_instant_carries_its_utc_text(page: str) -> None:
    assert (
        '<time datetime="2026-10-12T04:11:00Z" title="2026-10-12T04:11:00Z">12\u00a0Oct\u00a02026 06:11</time>'
        in page
    )
