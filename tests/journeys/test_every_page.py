"""Every page, as everybody who may see it, wide and narrow, light and dark: readable by all, at rest, within itself."""

import hashlib
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.journeys import axe
from tests.journeys.browsing import NARROW, WIDE, picture, sideways, visit
from tests.journeys.pages import NO_PAGES, reachable, routes
from tests.journeys.portal import Portal

ROLES = {
    "MA": "an MSSP administrator",
    "AN": "an analyst",
    "CA": "a client administrator",
    "CO": "a control owner",
    "EM": "an employee",
    "AU": "an auditor",
}
# Pages that lists reach only row by row, with content first; and those no link leads to.
SEEDS = (
    "",
    "controls/AC-01/",
    "accounts/second-factor/",
    "accounts/second-factor/authenticator/",
    "accounts/second-factor/passkeys/",
    "accounts/password/change/",
    "accounts/reauthenticate/",
    "accounts/second-factor/again/",
    "accounts/inactive/",
    "settings/sign-in/remove/",
    "accounts/logout/",
)
# What asks for a fresh second factor is opened while the one of signing in is fresh.
AT_ONCE = ("staff/invite/", "clients/new/", "clients/newcomer/suspend/")
# Reached only on the way in: the journeys do.
ON_THE_WAY_IN = {"account_login", "mfa_authenticate", "invitation"}
# Reached only in the middle of signing in: the journeys do.
ON_THE_WAY_IN = {
    "account_login",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",
}
# For whoever has a passkey: `test_passkeys.py` does, and looks at each.
WITH_A_PASSKEY = {"mfa_edit_webauthn", "mfa_remove_webauthn"}
# Also looked at without pictures: between the two, and narrower than any telephone (reflow at 400 percent).
_WIDTHS = (1024, 320)
# Not the same for two people who see the same page.
_PERSONAL = re.compile(r'csrfmiddlewaretoken" value="[^"]+"')

_checked: set[str] = set()
_opened: dict[str, set[str]] = {}


@pytest.mark.parametrize("role", ROLES)
def test_pages_hold_for(
    role: str, portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    source = axe.script()
    wrong: list[str] = []
    with visit(browser, portal, storage_state=session_of(role)) as page:
        page.faults.expected = {403, 404}  # where no link leads may be refused, which is a page too
        opened = _opened.setdefault(role, set())
        at_once = [f"{portal.url}/{path}" for path in AT_ONCE if role == "MA"]
        seeds = [*at_once, f"{portal.url}/", *(portal.at("harbor", path) for path in SEEDS)]
        for route in reachable(page, portal, slug="harbor", seeds=seeds):
            opened.add(route)
            wrong += faults(page, source, f"{role}/{route}")
    assert wrong == []


@pytest.mark.parametrize("path", ["", "sources/", "controls/", "exceptions/", "packages/", "events/"])
def test_an_empty_client_is_explained(
    path: str, portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("AN")) as page:
        page.goto(portal.at("newcomer", path))
        assert list(faults(page, axe.script(), f"empty/{path.strip('/') or 'home'}")) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("signin", "/accounts/login/"),
        ("signin-client", "/c/harbor/accounts/login/"),
        ("reset", "/accounts/password/reset/"),
        ("reset-sent", "/accounts/password/reset/sent/"),
        ("reset-done", "/accounts/password/reset/done/"),
        ("reset-dead", "/accounts/password/reset/x/y/"),
    ],
)
def test_nobody_sees_the_way_in(name: str, path: str, portal: Portal, browser: Browser) -> None:
    with visit(browser, portal) as page:
        page.goto(portal.url + path)
        assert list(faults(page, axe.script(), f"nobody/{name}")) == []


def test_what_is_not_there_says_so(
    portal: Portal, browser: Browser, session_of: Callable[[str], StorageState]
) -> None:
    with visit(browser, portal, storage_state=session_of("CO")) as page:
        page.faults.expected = {403, 404}
        for name, path in (("404", "/c/harbor/nothing/"), ("403", "/c/harbor/packages/new/")):
            page.goto(portal.url + path)
            assert list(faults(page, axe.script(), f"refused/{name}")) == []


def faults(page: Page, source: str, name: str) -> Iterator[str]:
    """Yield what is wrong on an open page in every form in which it is seen; keep the pictures of it.

    A page that is the same for another role is pictured under the first one's name.
    """
    main = page.locator("main").inner_html()
    same = hashlib.sha256(_PERSONAL.sub("", main).encode()).hexdigest()
    # What somebody else saw alike was checked then; the bar above it is one's own.
    known = same in _checked
    _checked.add(same)
    for width, size in (("1440", WIDE), ("390", NARROW)):
        page.set_viewport_size(size)
        if known:
            found = axe.violations(page, source, part="header.bar")
            yield from (f"{name} at {width}: {each}" for each in found)
            yield from _too_wide(page, name)
            continue
        for look in ("light", "dark"):
            page.emulate_media(color_scheme=look)
            picture(page, f"{name}-{width}" + ("-dark" if look == "dark" else ""))
            found = axe.violations(page, source, rules=axe.COLOR_RULES if look == "dark" else ())
            yield from (f"{name} at {width}, {look}: {each}" for each in found)
        page.emulate_media(color_scheme="light")
        yield from _too_wide(page, name)
    for pixels in () if known else _WIDTHS:
        page.set_viewport_size({"width": pixels, "height": 800})
        yield from _too_wide(page, name)
    page.set_viewport_size(WIDE)


def _too_wide(page: Page, name: str) -> Iterator[str]:
    over = sideways(page)
    if over > 0:
        yield f"{name} at {page.viewport_size}: can be scrolled sideways by {over} px"


def test_no_page_was_left_out() -> None:
    if set(_opened) != set(ROLES):
        pytest.skip("the pages were not opened for every role in this process")
    pages = {route for route in routes() if not route.endswith("_csv")}
    assert pages - set(NO_PAGES) - ON_THE_WAY_IN - WITH_A_PASSKEY - set().union(*_opened.values()) == set()
