"""From an invitation to the first page: a control owner of a client, and an analyst of the MSSP."""

import re
import time
from email import message_from_bytes, policy
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.journeys.browsing import NARROW, WIDE, picture, sideways, sign_in, totp, visit
from tests.journeys.portal import Portal

WORDS = "five new words for invited"


def test_a_control_owner_comes_by_mail(portal: Portal, browser: Browser) -> None:
    mail = "rosa.lind@harborledger.example"
    with visit(browser, portal) as page:
        sign_in(page, portal, "CA", start=portal.at("harbor", "settings/"))
        _invite(page, mail, "Rosa Lind", "Control owner")
    with visit(browser, portal) as page:
        link = _link_to(portal, mail)
        page.goto(link)
        expect(page.get_by_role("main")).to_contain_text("Dana Whitlock")
        expect(page.get_by_role("main")).to_contain_text("as control owner")
        _both_widths(page, "invited/accept")
        _accept(page)
        _sign_in(page, mail)
        expect(page.get_by_role("heading", level=1)).to_have_text("Harbor Ledger")
        sections = page.get_by_role("navigation", name="Sections").get_by_role("link").all_inner_texts()
        assert sections == ["Home", "My work", "Controls", "Exceptions", "Sources", "Settings"]
        _both_widths(page, "invited/control-owner")
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("main")).to_contain_text("Rosa Lind")
        expect(page.get_by_role("link", name="Invite somebody")).to_have_count(0)
    with visit(browser, portal) as page:
        page.faults.expected = {410}
        page.goto(link)
        expect(page.get_by_role("heading", level=1)).to_have_text("This link opens nothing")
        _both_widths(page, "invited/gone")


def test_an_analyst_comes_by_mail_and_enrolls_and_is_assigned(portal: Portal, browser: Browser) -> None:
    mail = "bo.tanaka@northgate.example"
    with visit(browser, portal) as page:
        sign_in(page, portal, "MA", start=f"{portal.url}/staff/")
        _invite(page, mail, "Bo Tanaka", "MSSP analyst")
        with visit(browser, portal) as theirs:
            theirs.goto(_link_to(portal, mail))
            _accept(theirs)
            _sign_in(theirs, mail)
            expect(theirs).to_have_url(re.compile("/accounts/second-factor/authenticator/$"))
            secret = theirs.locator(".hash").first.inner_text()
            theirs.get_by_label("Code").fill(totp(secret.replace(" ", "")))
            theirs.get_by_role("main").get_by_role("button").first.click()
            expect(theirs.get_by_role("main")).to_contain_text("ecovery codes")
            theirs.goto(portal.url)
            expect(theirs.get_by_role("heading", level=1)).to_have_text("Clients")
            theirs.faults.expected = {404}
            theirs.goto(portal.at("harbor"))
            expect(theirs.get_by_role("heading", level=1)).to_have_text("Not found")
            _assign(page, portal, "Bo Tanaka", ["Harbor Ledger", "Larkfield"])
            theirs.goto(portal.at("harbor"))
            expect(theirs.get_by_role("heading", level=1)).to_have_text("Harbor Ledger")
            _both_widths(theirs, "invited/analyst")


def _invite(page: Page, mail: str, name: str, role: str) -> None:
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Mail address").fill(mail)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Role").select_option(label=role)
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("status")).to_contain_text(f"The invitation went to {mail}")
    expect(page.get_by_role("row").filter(has_text=mail)).to_contain_text("open")
    _both_widths(page, f"invited/list-{role.split(maxsplit=1)[0].lower()}")


def _link_to(portal: Portal, mail: str) -> str:
    """The link of the newest mail to somebody, as it lies where the portal sends it."""
    for _ in range(50):
        files = sorted(Path(portal.world["mail"]).glob("*"), key=lambda path: path.stat().st_mtime)
        for path in reversed(files):
            for part in path.read_bytes().split(b"\n" + b"-" * 79 + b"\n"):
                message = message_from_bytes(part.strip(), policy=policy.default)
                if message["To"] == mail:
                    return re.findall(r"http\S+", message.get_content())[0]
        time.sleep(0.1)
    raise AssertionError(f"No mail to {mail}.")


def _accept(page: Page) -> None:
    page.get_by_label("Password", exact=True).fill(WORDS)
    page.get_by_label("Password again").fill(WORDS)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("status")).to_contain_text("Your account is made")


def _sign_in(page: Page, mail: str) -> None:
    page.get_by_label("Mail address").fill(mail)
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header.bar .person")).to_be_visible()


def _assign(page: Page, portal: Portal, name: str, clients: list[str]) -> None:
    page.goto(f"{portal.url}/staff/")
    page.get_by_role("link", name="Assignments").click()
    for client in clients:
        page.get_by_role("checkbox", name=re.compile(client)).check()
    option = page.locator("#person option", has_text=name).get_attribute("value")
    page.locator("#person").select_option(option)
    _both_widths(page, "invited/assignments")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(f"{name} is assigned to {len(clients)} clients")


def _both_widths(page: Page, name: str) -> None:
    for width, size in (("1440", WIDE), ("390", NARROW)):
        page.set_viewport_size(size)
        assert sideways(page) == 0
        picture(page, f"{name}-{width}")
    page.set_viewport_size({"width": 320, "height": 800})
    assert sideways(page) == 0
    page.set_viewport_size(WIDE)
