"""The client's own people: what each role may see and do, by the policy, on the pages and behind them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.journeys.browsing import visit
from tests.journeys.portal import Portal

SECTIONS = {
    "CA": ["Home", "My work", "Controls", "Exceptions", "Sources", "Packages", "Settings"],
    "CO": ["Home", "My work", "Controls", "Exceptions", "Sources", "Settings"],
}


@pytest.mark.parametrize("role", SECTIONS)
def test_the_sections_are_those_that_the_role_can_use(
    role: str, portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of(role)) as page:
        page.goto(portal.url)
        expect(page).to_have_url(portal.at("harbor"))  # one client only: nothing to choose
        sections = page.get_by_role("navigation", name="Sections").get_by_role("link")
        assert sections.all_inner_texts() == SECTIONS[role]
        page.faults.expected = {404}
        answer = page.goto(portal.at("larkfield"))
        assert answer is not None
        assert answer.status == 404


def test_a_client_administrator_connects_and_triages_and_accepts_nothing(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("CA")) as page:
        page.goto(portal.at("harbor", "sources/aws/"))
        expect(page.get_by_role("link", name="Upload files")).to_be_visible()
        expect(page.get_by_role("link", name="Issue a token")).to_be_visible()
        page.goto(portal.at("harbor", f"exceptions/{portal.world['exception']}/"))
        expect(page.locator(".acts summary", has_text="Triage")).to_be_visible()
        page.goto(portal.at("harbor", "packages/"))
        expect(page.get_by_role("link", name="Build a package").first).to_be_visible()


def test_a_control_owner_fixes_what_is_theirs_and_cannot_retest_it(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("CO")) as page:
        page.goto(portal.at("harbor", "controls/AC-01/"))
        expect(page.locator(".page-head .line")).to_contain_text("Miles Okoro")
        page.goto(portal.at("harbor", f"exceptions/{portal.world['exception']}/"))
        expect(page.locator(".acts summary", has_text="Say it is fixed")).to_be_visible()
        expect(page.locator(".acts summary", has_text="Triage")).to_have_count(0)
        # The evidence of the control is the owner's to read, and to give.
        page.goto(portal.at("harbor", "sources/aws/"))
        expect(page.get_by_role("link", name="Upload files")).to_be_visible()
        expect(page.get_by_role("link", name="Issue a token")).to_have_count(0)
        page.faults.expected = {403, 404}
        for path in ("sources/aws/token/", f"packages/{portal.world['package']}/"):
            assert page.request.get(portal.at("harbor", path)).status in (403, 404), path
        token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
        address = portal.at("harbor", "sources/connect/")
        form: dict[str, str | float | bool] = {"csrfmiddlewaretoken": token, "source": "aws"}
        assert page.request.post(address, form=form, headers={"Referer": address}).status == 403


def test_an_employee_sees_no_evidence(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("EM")) as page:
        page.faults.expected = {403, 404}
        for path in (
            "sources/",
            "events/",
            "controls/",
            "packages/",
            "exceptions/" + portal.world["exception"] + "/",
        ):
            answer = page.request.get(portal.at("harbor", path))
            assert answer.status in (403, 404), path
