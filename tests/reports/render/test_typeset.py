from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.lib import rl_accel
from reportlab.pdfgen.canvas import Canvas

from reports.blocks import Span
from reports.render.fontcache import CUTS, make, prepared
from reports.render.typeset import Typesetter


@pytest.fixture(scope="module")
def text(fonts: Path) -> Typesetter:
    return Typesetter(Canvas("unused")._doc, fonts)


def test_reportlab_runs_with_its_accelerator() -> None:
    assert type(rl_accel.fp_str).__name__ == "builtin_function_or_method"


def test_fonts_are_cut_once_and_to_the_same_bytes(fonts: Path, tmp_path: Path) -> None:
    ready = prepared(fonts)
    assert prepared(fonts) == ready
    assert sorted(path.stem for path in ready.iterdir()) == sorted(cut.name for cut in CUTS)
    make(CUTS[4], tmp_path / "again.ttf")
    assert (tmp_path / "again.ttf").read_bytes() == (ready / f"{CUTS[4].name}.ttf").read_bytes()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    words=st.text(max_size=200), width=st.floats(20, 300), style=st.sampled_from(["regular", "mono", "bold"])
)
def test_lines_fit_and_lose_nothing(text: Typesetter, words: str, width: float, style: str) -> None:
    shown = text.printable(words, style)  # type: ignore[arg-type]
    lines = text.wrap(shown, style, 8.5, width)  # type: ignore[arg-type]
    assert "".join("".join(lines).split()) == "".join(shown.split())
    for line in lines:
        assert text.width(line, style, 8.5) <= width + 0.01 or len(line) <= 2 or not line.isascii()  # type: ignore[arg-type]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    parts=st.lists(st.tuples(st.text(max_size=60), st.booleans(), st.booleans()), max_size=6),
    width=st.floats(60, 400),
)
def test_prose_lines_fit_and_lose_nothing(
    text: Typesetter, parts: list[tuple[str, bool, bool]], width: float
) -> None:
    spans = [Span(words, bold=bold, code=code) for words, bold, code in parts]
    lines = text.lay(spans, width, 9.5)
    shown = "".join("".join(piece.text for piece in line) for line in lines)
    meant = "".join(
        text.printable(span.text, "mono" if span.code else "bold" if span.bold else "regular")
        for span in spans
    )
    assert "".join(shown.split()) == "".join(meant.split())
    for line in lines:
        if line and all(len(piece.text) > 1 and piece.text.isascii() for piece in line):
            assert line[-1].x + line[-1].width <= width + 0.01


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("王小明", "U+738B U+5C0F U+660E"),
        ("a王b", "a U+738B b"),
        ("x\x00", "x U+0000"),
        ("a\tb", "a b"),
        ("a\r\nb", "a\nb"),
        ("\ud800", "U+D800"),
        ("zero\u200bwidth", "zero U+200B width"),
        ("→ ≥", "→ ≥"),
        ("1\u202f204", "1\u202f204"),
    ],
)
def test_what_no_font_has_is_named(text: Typesetter, given_text: str, shown: str) -> None:
    assert text.printable(given_text) == shown


def test_a_line_keeps_the_direction_of_its_text(text: Typesetter) -> None:
    lines = text.wrap(text.printable("Latin first, then שלום עולם and more"), "regular", 9, 90)
    assert len(lines) > 1
    assert {text.directions[line] for line in lines} == {"L"}


def test_an_id_breaks_after_its_separators_before_it_breaks_anywhere(text: Typesetter) -> None:
    pieces = text.broken("arn:aws:iam::123456789012:user/some-name", "mono", 8, 70)
    assert "".join(pieces) == "arn:aws:iam::123456789012:user/some-name"
    assert pieces[0].endswith(":")
