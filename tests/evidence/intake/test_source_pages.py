"""The pages of sources: what was heard, what is missing, tokens, and who may see what."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controls.catalogue.models import Control
from evidence.intake.models import IntakeToken, Source
from evidence.intake.sources import issue_token
from tenants.clients.models import Host
from tests import make

C = "/c/harbor/"
SOURCE = f"{C}sources/aws/"
NOW = timezone.now()


def page(user: Any, path: str, status: int = 200) -> str:
    answer = make.signed_in(user).get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def heard(*days: int, listings: tuple[int, ...] = ()) -> Source:
    """Harbor's source with an event on each of these days ago, at noon."""
    found = make.source(connected=NOW - timedelta(days=40))
    noon = NOW.replace(hour=12, minute=0, second=0, microsecond=0)
    records = [make.record(at=noon - timedelta(days=day), n=day) for day in days]
    if records:
        make.take_in(make.lines(records), at=NOW, into=found)
    for day in listings:
        make.take_in(make.listing(noon - timedelta(days=day), {"alice": True}), at=NOW, into=found)
    return found


def test_without_a_source_the_page_says_the_next_act_and_the_act_connects_one(harbor):
    admin = make.member("CA", harbor)
    html = page(admin, f"{C}sources/")
    assert "No source is connected" in html
    assert 'href="/c/harbor/sources/connect/"' in html
    answer = make.signed_in(admin).post(f"{C}sources/connect/", {"source": "aws"}, follow=True)
    assert answer.request["PATH_INFO"] == SOURCE
    assert "is connected" in answer.content.decode()
    assert Source.objects.get().slug == "aws"


def test_connecting_twice_changes_nothing_and_an_unknown_source_is_refused_in_words(harbor):
    browser = make.signed_in(make.member("AN", harbor))
    for slug in ("aws", "aws", "../../etc/passwd", ""):
        answer = browser.post(f"{C}sources/connect/", {"source": slug}, follow=True)
    assert "That is no source that Proofline reads" in answer.content.decode()
    assert Source.objects.count() == 1


def test_a_control_owner_does_not_connect(harbor):
    owner = make.member("CO", harbor)
    assert "Connect AWS" not in page(owner, f"{C}sources/connect/")
    assert make.signed_in(owner).post(f"{C}sources/connect/", {"source": "aws"}).status_code == 403


def test_the_list_says_how_each_source_is(harbor):
    heard(0, 1, 1, 2)
    html = page(make.member("CA", harbor), f"{C}sources/")
    assert "Heard" in text(html)
    assert ">3</a>" in html, "a number is a link to its rows"
    assert "events/?source=aws" in html


def test_silence_is_said_and_never_green(harbor):
    heard(9)
    html = page(make.member("CA", harbor), f"{C}sources/")
    assert re.findall(r'class="pill (\w+)".*?>\s*([\w ]+)</span>', html, re.DOTALL) == [
        ("unknown", "Silent 9 d")
    ]


def test_the_heat_map_tells_heard_gap_and_out_of_scope_apart(harbor):
    heard(5, 8)
    html = page(make.member("CA", harbor), SOURCE)
    month = html[html.index("Last 30 days") :]
    cells = re.findall(r'<span class="(\w+(?: open)?)" title="([^"]+)"', month)[:30]
    by_state = dict(cells)
    assert len(cells) == 30
    assert "nothing received" in by_state["silent"]
    assert any(state.startswith("l") and "1 event" in title for state, title in cells)
    assert cells[-1][0] == "open"
    assert "not settled" in cells[-1][1]


def test_before_the_first_event_or_the_connection_nothing_was_missed(harbor):
    make.source(connected=NOW)
    html = page(make.member("CA", harbor), SOURCE)
    cells = re.findall(r'<span class="(\w+)" title="', html)
    assert cells.count("silent") == 0
    assert cells.count("out") > 60


def test_the_days_of_the_heat_map_are_a_table_with_filters(harbor):
    heard(5, 8, listings=(5,))
    admin = make.member("CA", harbor)
    everything = text(page(admin, f"{SOURCE}coverage/"))
    assert "All days" in everything
    gaps = page(admin, f"{SOURCE}coverage/?show=gaps")
    assert gaps.count("nothing received") >= 30
    assert "No such day" in page(admin, f"{SOURCE}coverage/?show=rejected")


def test_rejected_records_show_their_reason_and_their_bytes_as_text(harbor):
    hostile = b'{"eventName":"<script>alert(1)</script>\xe2\x80\xae","eventID":"1"}\n\xff\xfe\x00{\n'
    make.take_in(hostile + make.lines([make.record()]), name="<b>x", at=NOW)
    html = page(make.member("CA", harbor), SOURCE)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in html
    assert "\\xff\\xfe\\x00" in html
    assert "no eventTime" in html


def test_rejected_records_are_paged_and_filtered_by_code(harbor):
    make.take_in(b"17\n" * 60 + b'{"a":1}\n' * 5, at=NOW)
    admin = make.member("CA", harbor)
    first = page(admin, f"{SOURCE}rejected/")
    assert first.count('scope="row"') == 50
    assert "1–50 of 65" in text(first)
    code = re.search(r"\?code=(\w+)", first)
    assert code is not None
    assert f"of {'60' if code[1] == 'not_an_object' else '5'} rejected" in text(
        page(admin, f"{SOURCE}rejected/?code={code[1]}")
    )
    assert "All 65" in text(page(admin, f"{SOURCE}rejected/?code=nothing-of-the-kind"))


def test_nothing_rejected_is_said(harbor):
    heard(1)
    assert "Nothing is waiting" in page(make.member("CA", harbor), f"{SOURCE}rejected/")


# Tokens


def test_a_token_asks_for_a_fresh_second_factor_is_shown_once_and_works(harbor):
    make.source(connected=NOW)
    admin = make.member("CA", harbor)
    browser = make.signed_in(admin)
    assert "second-factor/again" in browser.get(f"{SOURCE}token/")["Location"]
    assert "second-factor/again" in browser.post(f"{SOURCE}token/")["Location"]
    assert IntakeToken.objects.count() == 0
    make.step_up(browser, admin, at=C)
    assert "Issue a token" in browser.get(f"{SOURCE}token/").content.decode()
    answer = browser.post(f"{SOURCE}token/")
    (secret,) = re.findall(r"plin_[0-9a-f]{12}_[\w-]{43}", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert secret not in page(admin, SOURCE)
    assert "http://testserver/c/harbor/intake/aws" in answer.content.decode()
    pushed = make.signed_in(None).post(
        f"{C}intake/aws",
        b'{"a": 1}\n',
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert pushed.status_code == 202


def test_a_token_is_revoked_after_its_consequences_were_named(harbor):
    admin = make.member("CA", harbor)
    token = issue_token(make.source(connected=NOW), at=NOW, by=admin.pk)
    address = f"{SOURCE}token/{token.split('_')[1]}/revoke/"
    browser = make.signed_in(admin)
    html = browser.get(address).content.decode()
    assert "refused from that moment" in html
    assert browser.post(address).status_code == 302
    assert IntakeToken.objects.get().revoked_at is not None
    shown = page(admin, SOURCE)
    assert "revoked" in shown
    assert address not in shown
    pushed = make.signed_in(None).post(
        f"{C}intake/aws", b"{}", content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert pushed.status_code == 401


def test_a_control_owner_neither_issues_nor_revokes(harbor):
    owner = make.member("CO", harbor)
    token = issue_token(make.source(connected=NOW), at=NOW, by=None)
    browser = make.signed_in(owner)
    assert browser.post(f"{SOURCE}token/").status_code == 403
    assert browser.post(f"{SOURCE}token/{token.split('_')[1]}/revoke/").status_code in (403, 404)
    assert IntakeToken.objects.get().revoked_at is None


# Who sees what


def test_a_control_owner_sees_the_sources_that_feed_an_own_control_and_no_other(harbor):
    heard(1)
    owner = make.member("CO", harbor)
    assert "No source is connected" in page(owner, f"{C}sources/")
    page(owner, SOURCE, 404)
    Control.objects.filter(pk="AC-01").update(owner=owner.pk)
    assert "AWS CloudTrail" in page(owner, f"{C}sources/")
    assert "Push" not in re.findall(r"<h2>(.*?)</h2>", page(owner, SOURCE))


def test_an_auditor_sees_the_period_and_nothing_else(harbor):
    today = NOW.date()
    heard(3, 30, 31)
    period = (today - timedelta(days=35), today - timedelta(days=20))
    auditor = make.auditor(harbor, period=period)
    html = page(auditor, SOURCE)
    assert "Read only" in html
    assert re.search(r'class="value">2<', html), "two of the three events lie in the period"
    assert "Issue a token" not in html
    assert "Upload" not in html
    days = page(auditor, f"{SOURCE}coverage/")
    assert days.count('scope="row"') == 16


@pytest.mark.parametrize(
    "path", ["sources/", "sources/aws/", "sources/aws/coverage/", "sources/aws/rejected/"]
)
def test_every_role_by_the_policy(harbor, path):
    heard(1)
    for role in ("MA", "AN", "CA"):
        page(make.member(role, harbor), C + path)
    page(make.member("EM", harbor), C + path, 403)
    page(make.member("AN", None), C + path, 404)
    page(make.auditor(harbor), C + path)
    assert make.signed_in(None).get(C + path).status_code == 302


def test_a_clients_own_host_shows_the_same(harbor):
    Host.objects.create(domain="soc.harbor.example", tenant=harbor)
    heard(1)
    answer = make.signed_in(make.member("CA", harbor), host="soc.harbor.example").get("/sources/aws/")
    assert answer.status_code == 200
    assert 'href="/sources/aws/upload/"' in answer.content.decode()


def queries(user: Any, path: str) -> int:
    browser = make.signed_in(user)
    browser.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(path).status_code == 200
    return len(asked)


@pytest.mark.slow
def test_pages_ask_as_much_for_a_thousand_rows_as_for_ten(harbor):
    source = make.source(connected=NOW - timedelta(days=300))
    admin, auditor = (
        make.member("CA", harbor),
        make.auditor(harbor, period=(NOW.date() - timedelta(days=300), NOW.date())),
    )
    asked: list[dict[tuple[str, str], int]] = []
    for round_ in range(2):
        at = NOW - timedelta(days=round_)
        # Rejected records, batches, days, tokens: ten at first, a thousand and more afterwards.
        for n in range(10 if round_ == 0 else 90):
            day = NOW - timedelta(days=3 * n + round_)
            make.take_in(
                make.lines([make.record(at=day, n=round_)]) + b"17\n" * (1 if round_ == 0 else 11),
                at=at,
                into=source,
            )
            issue_token(source, at=NOW, by=admin.pk)
        asked.append(
            {
                (who, path): queries(user, path)
                for path in (
                    f"{C}sources/",
                    SOURCE,
                    f"{SOURCE}coverage/",
                    f"{SOURCE}rejected/",
                    f"{SOURCE}batches/",
                    C,
                )
                for who, user in (("admin", admin), ("auditor", auditor))
            }
        )
    assert asked[0] == asked[1]
    assert max(asked[1].values()) < 45
