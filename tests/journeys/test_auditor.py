"""An auditor's way: the engagement's period and nothing beside it, reading only, and every read written down."""

import re
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.journeys.browsing import visit
from tests.journeys.portal import Portal


def test_an_auditor_sees_the_period_and_writes_nothing(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    before = _reads(portal)
    with visit(browser, portal, storage_state=session_of("AU")) as page:
        page.goto(portal.at("harbor"))
        expect(page.get_by_text("Read only").first).to_be_visible()
        _events_lie_within_the_period(page, portal)
        _later_ones_are_not_there(page, portal)
        _no_act_is_offered(page, portal)
        _no_act_is_taken(page, portal)
        _drafts_are_not_shown(page, portal)
        page.faults.expected = {404}
        for slug in ("larkfield", "newcomer", "no-such-client"):
            answer = page.goto(portal.at(slug))
            assert answer is not None
            assert answer.status == 404, slug
            assert "Larkfield" not in page.content()
    written = _reads(portal)[len(before) :]
    assert ("event.read", portal.world["late_event"], 404) in written
    assert any(path.startswith("/c/harbor/events/?") and status == 200 for _, path, status in written)
    assert ("exception.read", f"/c/harbor/exceptions/{portal.world['exception']}/", 200) in written


def _events_lie_within_the_period(page: Page, portal: Portal) -> None:
    begins, ends = (date.fromisoformat(day) for day in portal.world["engagement"])
    # Asked for more than may be seen, the page says so and shows what may.
    page.goto(portal.at("harbor", f"events/?from={begins}&to={portal.world['today']}"))
    times = page.locator("table.data tbody time")
    assert times.count() > 10
    zone = ZoneInfo("America/New_York")
    instants = times.evaluate_all("all => all.map(time => time.dateTime)")
    days = [datetime.fromisoformat(each).astimezone(zone).date() for each in instants]
    assert max(days) <= ends
    assert min(days) >= begins
    page.goto(portal.at("harbor", f"controls/AC-01/?from={begins}&to={portal.world['today']}"))
    expect(page.locator("main")).not_to_contain_text(portal.world["late_words"])


def _later_ones_are_not_there(page: Page, portal: Portal) -> None:
    page.faults.expected = {404}
    for path in (
        portal.world["late_event"],
        f"{portal.world['late_event']}raw/",
        portal.world["late_exception"],
    ):
        answer = page.request.get(portal.url + path)
        assert answer.status == 404, path
    page.faults.expected = set()


def _no_act_is_offered(page: Page, portal: Portal) -> None:
    for path in (
        "",
        "sources/",
        "sources/aws/",
        "controls/AC-01/",
        "exceptions/",
        f"exceptions/{portal.world['exception']}/",
        "packages/",
    ):
        page.goto(portal.at("harbor", path))
        # Filters ask by GET; the person's own menu may sign out and choose an appearance.
        assert page.locator("main form[method=post]").count() == 0, path
        acts = page.get_by_role("link", name=re.compile("Upload|Issue a token|Revoke|Build a package"))
        expect(acts).to_have_count(0)


def _no_act_is_taken(page: Page, portal: Portal) -> None:
    """What no form offers is refused too, from within the auditor's own session and with a true CSRF token."""
    page.goto(portal.at("harbor"))
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    form: dict[str, str | float | bool] = {
        "csrfmiddlewaretoken": token,
        "words": "not mine to write",
        "version": "1",
        "severity": "low",
    }
    for path in (
        f"exceptions/{portal.world['exception']}/triage/",
        f"exceptions/{portal.world['exception']}/comment/",
        "sources/aws/upload/",
        "packages/new/",
    ):
        address = portal.at("harbor", path)
        answer = page.request.post(address, form=form, headers={"Referer": address})
        assert answer.status in (403, 404), f"{path}: {answer.status}"
    page.goto(portal.at("harbor", f"exceptions/{portal.world['exception']}/"))
    expect(page.locator("main")).not_to_contain_text("not mine to write")


def _drafts_are_not_shown(page: Page, portal: Portal) -> None:
    page.goto(portal.at("harbor", "packages/"))
    expect(page.locator("main")).to_contain_text("No package has been issued yet")
    page.faults.expected = {404}
    for rest in ("", "download/", "pdf/", "verify/"):
        assert (
            page.request.get(portal.at("harbor", f"packages/{portal.world['package']}/{rest}")).status == 404
        ), rest
    page.faults.expected = set()


def _reads(portal: Portal) -> list[tuple[str, str, int]]:
    with psycopg.connect(portal.database) as connection:
        rows = connection.execute("select action, path, status from tenants_readlogentry order by id")
        return [tuple(row) for row in rows.fetchall()]
