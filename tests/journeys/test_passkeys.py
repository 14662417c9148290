"""A passkey from its first day to its last, by Chromium's own virtual authenticator."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from playwright.sync_api import Browser, Page, expect

from tests.journeys import axe
from tests.journeys.browsing import sideways, sign_in, visit
from tests.journeys.portal import Portal
from tests.journeys.test_every_page import faults
from tests.journeys.world import SECRET


@contextmanager
def authenticator(page: Page) -> Iterator[None]:
    """A security key in the machine, always touched at once."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield
    devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": made["authenticatorId"]})


def test_a_passkey_is_added_used_to_sign_in_and_to_confirm_and_removed(
    portal: Portal, browser: Browser
) -> None:
    # An address of digits is no host that a passkey could be bound to; the portal answers at this one too.
    here = replace(portal, url=portal.url.replace("127.0.0.1", "localhost"))
    source = axe.script()
    with visit(browser, here) as page, authenticator(page):
        sign_in(page, here, "CO", start=here.at("harbor"))
        page.goto(here.at("harbor", "accounts/second-factor/"))
        page.get_by_role("link", name="Add a passkey").click()
        expect(page.get_by_text("bound to the host localhost")).to_be_visible()
        assert list(faults(page, source, "passkeys/add")) == []
        page.get_by_label("Name").fill("Blue key")
        page.get_by_role("button", name="Add the passkey").click()
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        page.goto(here.at("harbor", "accounts/second-factor/"))
        expect(page.get_by_text("at localhost")).to_be_visible()
        assert list(faults(page, source, "passkeys/index")) == []

        page.get_by_role("link", name="Rename Blue key").click()
        page.get_by_label("Name").fill("Red key")
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("link", name="Remove Red key")).to_be_visible()

        page.locator("header.bar .person summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Mail address").fill(portal.world["people"]["CO"]["email"])
        page.get_by_label("Password").fill(SECRET)
        page.get_by_role("button", name="Sign in").click()
        assert list(faults(page, source, "passkeys/sign-in")) == []
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.locator("header.bar .person")).to_be_visible()

        page.goto(
            here.at(
                "harbor", "accounts/second-factor/again/?next=/c/harbor/accounts/second-factor/authenticator/"
            )
        )
        assert list(faults(page, source, "passkeys/confirm")) == []
        page.get_by_role("button", name="Confirm by passkey").click()
        expect(page.get_by_role("heading", name="Set up your authenticator")).to_be_visible()

        page.goto(here.at("harbor", "accounts/second-factor/"))
        page.get_by_role("link", name="Remove Red key").click()
        assert list(faults(page, source, "passkeys/remove")) == []
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("link", name="Remove Red key")).to_have_count(0)


def test_a_device_without_the_passkey_is_told_and_a_code_still_opens(
    portal: Portal, browser: Browser
) -> None:
    here = replace(portal, url=portal.url.replace("127.0.0.1", "localhost"))
    with visit(browser, here) as page:
        page.faults.expected = {403}  # an employee has no home here
        sign_in(page, here, "EM", start=here.at("harbor"))
        with authenticator(page):
            page.goto(here.at("harbor", "accounts/second-factor/passkeys/"))
            page.get_by_role("button", name="Add the passkey").click()
            page.get_by_role("heading", name="Recovery codes").wait_for()
            code = page.locator(".codes li").first.inner_text()
        page.context.clear_cookies()
        page.goto(here.at("harbor"))
        page.get_by_label("Mail address").fill(portal.world["people"]["EM"]["email"])
        page.get_by_label("Password").fill(SECRET)
        page.get_by_role("button", name="Sign in").click()
        with authenticator(page):  # another device
            page.get_by_role("button", name="Use a passkey").click()
            expect(page.get_by_role("alert").filter(has_text="no passkey for this host")).to_be_visible()
            assert sideways(page) == 0
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("header.bar .person")).to_be_visible()
        page.goto(here.at("harbor", "accounts/second-factor/"))
        expect(page.get_by_text("9 of 10 are unused")).to_be_visible()
        page.get_by_role("link", name="Remove Passkey 1").click()
        page.get_by_role("button", name="Remove").click()
