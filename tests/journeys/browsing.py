"""Chromium as a person uses it: signs in by the pages, and notes whatever a page does that it must not."""

import base64
import hashlib
import hmac
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    Response,
    ViewportSize,
    expect,
)

from config.devstack.environment import ROOT
from tests.journeys.portal import Portal
from tests.journeys.world import SECRET

PICTURES = ROOT / "build" / "journeys"
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
PERIOD, SHORT = 30, 10  # seconds: how long a code is good, and how much of it is too little
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
# What a blocked style, script or frame tells the page; written to the console, where it is noticed below.
_TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI || event.sample}`);
});"""


def chromium() -> str | None:
    """Return where Debian's Chromium is, or None."""
    return shutil.which("chromium")


def launch(playwright: Playwright) -> Browser:
    """Start Chromium, headless and silent."""
    return playwright.chromium.launch(
        executable_path=chromium(), headless=True, chromium_sandbox=False, args=FLAGS
    )


@dataclass
class Faults:
    """What pages did that they must not: errors in the console, requests elsewhere, refused content, failed answers."""

    home: str
    found: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def watch(self, context: BrowserContext) -> None:
        """Note the faults of every page of a context."""
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"error in a script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # A failed answer is noted by its status, which a test may expect.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.found.append(f"console at {message.location.get('url', '')}: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.home).netloc:
            self.found.append(f"asked another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.found.append(f"{response.status} {response.request.method} {response.url}")


@contextmanager
def visit(browser: Browser, portal: Portal, **more: Any) -> Iterator[Page]:
    """A page of a new visitor, who must have had no fault when the block ends; `page.faults` may expect statuses."""
    options: dict[str, Any] = {
        "viewport": WIDE,
        "locale": "en-US",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
    }
    context = browser.new_context(**options | more)
    context.set_default_timeout(15_000)
    faults = Faults(portal.url)
    faults.watch(context)
    try:
        page = context.new_page()
        page.faults = faults
        yield page
        assert faults.found == []
    finally:
        context.close()


def sign_in(page: Page, portal: Portal, who: str, *, start: str = "") -> None:
    """Sign in by the pages, with the second factor where the role has one, beginning at an address that wants it."""
    person = portal.world["people"][who]
    page.goto(start or portal.url)
    page.get_by_label("Mail address").fill(person["email"])
    page.get_by_label("Password").fill(SECRET)
    page.get_by_role("button", name="Sign in").click()
    if person["totp"]:
        page.get_by_label("Code").fill(totp(person["totp"]))
        page.get_by_role("button", name="Sign in").click()
        if page.get_by_text("Incorrect code").is_visible():
            # Somebody signed in as the same person with the same digits, which are good once: take the next ones.
            time.sleep(PERIOD - time.time() % PERIOD + 0.1)
            page.get_by_label("Code").fill(totp(person["totp"]))
            page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header.bar .person")).to_be_visible()


def totp(secret: str) -> str:
    """The six digits of RFC 6238 for a base32 secret, as any authenticator shows them.

    Waits, as a person does, for the next ones where these are about to go: a busy machine types slowly.
    """
    if (left := PERIOD - time.time() % PERIOD) < SHORT:
        time.sleep(left + 0.1)
    counter = int(time.time()) // PERIOD
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def picture(page: Page, name: str) -> None:
    """Keep the whole page as a picture among the build's outputs."""
    path = PICTURES / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        page.screenshot(path=path, full_page=True, animations="disabled")
    except Error as error:
        # A busy machine's Chromium sometimes cannot give a long page's picture at the first asking.
        if "Unable to capture screenshot" not in str(error):
            raise
        page.screenshot(path=path, full_page=True, animations="disabled")


def sideways(page: Page) -> int:
    """By how many pixels the page can be scrolled sideways; 0 is right."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def saved(page: Page, link: Any, folder: Path) -> Path:
    """Click what downloads a file; return where it was saved."""
    with page.expect_download() as began:
        link.click()
    path = folder / began.value.suggested_filename
    began.value.save_as(path)
    return path
