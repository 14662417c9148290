from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.blocks import Span, as_text, literal, spans


def test_bold_code_and_links_are_marked_and_nothing_else() -> None:
    assert spans("a **b** `c*d` [e f](#g) *h* _i_ <b>") == (
        Span("a "), Span("b", bold=True), Span(" "), Span("c*d", code=True), Span(" "), Span("e f", target="#g"),
        Span(" *h* _i_ <b>"),
    )  # fmt: skip


@given(st.text())
def test_what_people_wrote_never_becomes_markup(text: str) -> None:
    assert as_text(literal(text)) == text
    assert all(span == Span(span.text) for span in spans(literal(text)))


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//evil.example", "data:text/html,x", "relative/x", "JAVASCRIPT:x"]
)
def test_a_target_that_could_run_or_leave_leads_nowhere(target: str) -> None:
    assert spans(f"[x]({target})")[0].target == ""


@pytest.mark.parametrize("target", ["#AC-01", "/c/harbor/controls/", "https://example.org/a?b=1"])
def test_anchors_paths_and_web_addresses_are_links(target: str) -> None:
    assert spans(f"[x]({target})") == (Span("x", target=target),)


def test_marks_without_a_partner_stand_for_themselves() -> None:
    assert as_text("2 ** 3 ` [x] (y) **open") == "2 ** 3 ` [x] (y) **open"
