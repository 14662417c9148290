"""Hands on the keyboard only: every act is reached, and what has the focus is seen."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, StorageState, expect

from tests.journeys.browsing import NARROW, SECRET, picture, sideways, totp, visit
from tests.journeys.portal import Portal

_FOCUSED = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect();
  const ring = (part) => {
    const style = getComputedStyle(at, part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  /* A row's link shows its focus around the row, a day of a strip on its mark, a date on the part that has it. */
  const seen = ring(null) || ring("::after") || at.matches(".days a, input[type=date]");
  const what = at.innerText || at.value || at.getAttribute("aria-label") || at.name || at.tagName;
  return {what: what.trim().slice(0, 60), tag: at.tagName, seen,
          inside: box.width > 0 && box.height > 0, bar: at.closest("header") !== null};
}"""


def test_signing_in_needs_no_mouse(portal: Portal, browser: Browser) -> None:
    person = portal.world["people"]["CA-larkfield"]
    with visit(browser, portal) as page:
        page.goto(portal.url)
        expect(page.get_by_label("Mail address")).to_be_focused()
        page.keyboard.type(person["email"])
        page.keyboard.press("Tab")
        page.keyboard.type(SECRET)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Code")).to_be_focused()
        page.keyboard.type(totp(person["totp"]))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Larkfield Clinics")).to_be_visible()


def test_the_skip_link_is_first_and_leads_past_the_bar(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("AN")) as page:
        page.goto(portal.at("harbor"))
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        assert not focused["bar"], focused


def test_tab_walks_every_control_and_each_shows_its_focus(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("AN")) as page:
        for path in ("", f"exceptions/{portal.world['exception']}/", "sources/aws/upload/", "packages/new/"):
            page.goto(portal.at("harbor", path))
            reached = _walk(page)
            hidden = [each for each in reached if not (each["seen"] and each["inside"])]
            assert hidden == [], path
            offered = page.locator(
                "main :is(a[href], button, summary, input:not([type=hidden]), select, textarea):visible"
            ).count()
            # A date has several places to stop at, so that more may be reached than are counted.
            assert len([each for each in reached if not each["bar"]]) >= offered, path


def _walk(page: Page) -> list[dict[str, Any]]:
    """Press Tab until the focus leaves the page; return what it met."""
    met: list[dict[str, Any]] = []
    for _ in range(300):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused["tag"] == "BODY":
            return met
        met.append(focused)
    raise AssertionError("the focus never leaves the page")


def test_j_and_k_walk_the_rows_and_enter_opens(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("AN")) as page:
        page.goto(portal.at("harbor", "events/"))
        links = page.locator("table[data-keys] a.row-link")
        page.keyboard.press("j")
        expect(links.nth(0)).to_be_focused()
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(links.nth(2)).to_be_focused()
        page.keyboard.press("k")
        expect(links.nth(1)).to_be_focused()
        target = links.nth(1).get_attribute("href")
        page.keyboard.press("Enter")
        expect(page).to_have_url(portal.url + str(target))


def test_a_menu_closes_with_escape_and_gives_the_focus_back(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("AN")) as page:
        page.goto(portal.at("harbor"))
        summary = page.locator("header details.person > summary")
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        expect(summary).to_be_focused()


def test_an_analyst_works_over_clients_without_a_mouse(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    """Select, save a view and change it, find an exception: keys only; at the end the acts that a page offers."""
    with visit(browser, portal, storage_state=session_of("AN")) as page:
        page.goto(portal.url)
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator(".bulk [data-select-count]")).to_have_text("1 selected")
        page.keyboard.press("j")
        page.keyboard.press("X")
        boxes = page.locator("td.check input")
        expect(page.locator(".bulk [data-select-count]")).to_have_text(f"{boxes.count()} selected")
        picture(page, "journey/selected-1440")
        page.get_by_role("button", name="Show their work").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="My work")).to_be_visible()
        assert page.url.count("client=") == 3

        page.goto(f"{portal.url}/?show=late")
        page.locator(".saved summary").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Name of the view").focus()
        page.keyboard.type("Mornings")
        page.keyboard.press("Enter")
        expect(page.locator(".saved .chip[aria-current]")).to_contain_text("Mornings")
        page.get_by_role("link", name="Change “Mornings”").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Saved view")).to_be_visible()
        picture(page, "journey/saved-view-1440")
        page.get_by_role("button", name="Delete").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("is gone")

        page.goto(portal.at("harbor", "controls/"))
        page.keyboard.press("Control+k")
        box = page.get_by_role("dialog").get_by_role("searchbox")
        expect(box).to_be_focused()
        page.keyboard.type("EX-")
        expect(page.locator("#finder [role=status]")).to_contain_text("found")
        picture(page, "journey/find-1440")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.set_viewport_size(NARROW)
        page.keyboard.press("Control+k")
        page.keyboard.type(portal.world["exception"])
        expect(page.locator("#finder [data-found]").first).to_contain_text(portal.world["exception"])
        assert sideways(page) == 0
        picture(page, "journey/find-390")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#finder [data-found]").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text(portal.world["exception"])
