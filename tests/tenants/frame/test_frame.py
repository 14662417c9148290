"""The frame's own promises: contrast, no inline style or script, documented parts, figures and times."""

import datetime
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import override_settings
from django.utils import timezone

TEMPLATES = Path(settings.BASE_DIR) / "templates"
CSS = (TEMPLATES / "static" / "proofline" / "proofline.css").read_text(encoding="utf-8")
TOKENS = dict(re.findall(r"--([\w-]+): (light-dark\(#\w{6}, #\w{6}\)|#\w{6});", CSS))

TONES = ("met", "deviation", "attention", "unknown", "none")
# Words on their grounds: (ink, ground).
PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent") for ground in ("paper", "card")),
    *((tone, ground) for tone in TONES for ground in ("card", f"{tone}-ground")),
    ("ink", "attention-ground"),
    ("ink", "unknown-ground"),
    ("ink", "deviation-ground"),
    ("ink", "met-ground"),
    ("accent", "attention-ground"),
    ("on-action", "action"),
    ("on-brand", "brand"),
    ("on-brand-2", "brand"),
]  # fmt: skip


def _color(token: str, scheme: int) -> str:
    return re.findall(r"#\w{6}", TOKENS[token])[-1 if scheme else 0]


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_words_stand_out_from_their_ground(ink: str, ground: str, scheme: int) -> None:
    assert contrast(_color(ink, scheme), _color(ground, scheme)) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), [("edge", "card"), ("focus", "card"), ("focus", "paper")])
def test_borders_of_controls_and_the_focus_ring_stand_out(line: str, ground: str, scheme: int) -> None:
    assert contrast(_color(line, scheme), _color(ground, scheme)) >= 3


@pytest.mark.parametrize(
    "page", sorted(TEMPLATES.rglob("*.html")), ids=lambda p: str(p.relative_to(TEMPLATES))
)
def test_no_page_has_inline_style_or_script(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son\w+=\"|javascript:|hx-on", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"https?://(?!www\.w3\.org)", text), "nothing from other hosts"


@pytest.mark.parametrize("part", sorted((TEMPLATES / "components").glob("*.html")), ids=lambda p: p.stem)
def test_each_part_says_its_variables_at_its_head(part: Path) -> None:
    assert part.read_text(encoding="utf-8").startswith("{% comment %}")


@override_settings(DEBUG=True)
@pytest.mark.django_db
def test_the_style_guide_shows_every_part() -> None:
    guide = (TEMPLATES / "styleguide.html").read_text(encoding="utf-8")
    shown = guide + "".join(
        (TEMPLATES / "components" / f"{name}.html").read_text(encoding="utf-8")
        for name in re.findall(r"components/(\w+)\.html", guide)
    )
    frame = {"bar", "caret", "messages", "form_errors", "finder"}
    missing = {part.stem for part in (TEMPLATES / "components").glob("*.html")} - frame
    missing -= set(re.findall(r"components/(\w+)\.html", shown))
    assert missing == set()


def render(text: str, **context: object) -> str:
    return Template("{% load frame %}" + text).render(Context(context))


def test_figures_have_their_thousands_marked() -> None:
    assert render("{{ n|figure }}", n=1234567) == "1,234,567"
    assert render("{{ n|figure }}", n="0.25 %") == "0.25 %"


def test_a_time_is_the_clients_with_utc_on_hover_and_the_year_where_it_is_another() -> None:
    this_year = timezone.localdate().year
    at = datetime.datetime(this_year, 7, 12, 2, 11, 5, tzinfo=datetime.UTC)
    with timezone.override("Europe/Zurich"):
        assert f'title="{this_year}-07-12 02:11:05 UTC">12 Jul 04:11</time>' in render(
            "{% moment at %}", at=at
        )
        old = at.replace(year=2020)
        assert ">12 Jul 2020 04:11</time>" in render("{% moment at %}", at=old)
    assert render("{% moment at %}", at=None) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "1 min"), (3600, "60 min"), (7200, "2 h"), (86400, "24 h"), (3 * 86400, "3 d")],
)
def test_durations_are_said_as_people_do(seconds: int, words: str) -> None:
    assert render("{{ d|span }}", d=datetime.timedelta(seconds=seconds)) == words


def test_a_row_of_figures_tells_none_from_zero() -> None:
    html = render_to_string(
        "components/figures.html",
        {
            "figures": [
                {"value": 0, "label": "open", "tone": "", "href": "/x"},
                {"value": None, "label": "late"},
            ]
        },
    )
    assert '<a href="/x"' in html
    assert ">0<" in html
    assert "not collected" in html


def test_parts_escape_what_they_show() -> None:
    evil = "<script>alert(1)</script>"
    html = render_to_string(
        "components/raw_beside.html", {"normalized": [("Actor", evil)], "raw": evil, "raw_note": ""}
    )
    html += render_to_string("components/pill.html", {"tone": "met", "text": evil})
    html += render_to_string(
        "components/timeline.html",
        {"acts": [{"at": None, "who": evil, "what": evil, "words": evil, "tone": ""}]},
    )
    assert "<script>" not in html
