"""An analyst's way: from signing in to raw bytes whose hash is computed again, and to a package that verifies."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.journeys.browsing import NARROW, picture, saved, sideways, sign_in, visit
from tests.journeys.portal import Portal

PATIENCE = 60_000  # milliseconds for the worker


def test_an_analyst_follows_one_event_from_a_file_to_a_package(
    portal: Portal, browser: Browser, tmp_path: Path
) -> None:
    with visit(browser, portal) as page:
        sign_in(page, portal, "AN-journey")
        _from_the_cockpit_to_the_client(page)
        _a_file_is_uploaded(page, portal)
        _a_figure_leads_to_bytes_that_hash_to_the_ledger(page, portal, tmp_path)
        _the_exception_is_triaged(page)
        _a_type_2_is_built_and_verifies(page, portal, tmp_path)


def _section(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Sections").get_by_role("link", name=name).click()


def _from_the_cockpit_to_the_client(page: Page) -> None:
    expect(page.get_by_role("heading", level=1, name="Clients")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Harbor Ledger").click()
    expect(page.get_by_role("heading", level=1, name="Harbor Ledger")).to_be_visible()


def _a_file_is_uploaded(page: Page, portal: Portal) -> None:
    _section(page, "Sources")
    page.get_by_role("main").get_by_role("link", name=re.compile("AWS")).first.click()
    page.get_by_role("link", name="Upload files").click()
    page.locator("input[type=file]").set_input_files(portal.world["upload"])
    page.get_by_role("button", name="Upload").click()
    figures = page.locator("#delivery .figures")
    expect(figures).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Where the bytes are")).to_be_visible(timeout=PATIENCE)
    told = {
        label.lower(): int(re.sub(r"\D", "", value))
        for value, label in figures.locator("> *").evaluate_all(
            "parts => parts.map(p => [p.querySelector('.value').innerText, p.querySelector('.label').innerText])"
        )
        if re.search(r"\d", value)
    }
    records = portal.world["records"]
    assert told["records"] == records, told
    assert told["new events"] == records, told
    assert sum(count for label, count in told.items() if "rejected" in label) == 0, told
    expect(page.locator("#delivery")).to_contain_text(
        hashlib.sha256(Path(portal.world["upload"]).read_bytes()).hexdigest()
    )
    picture(page, "journey/uploaded-1440")


def _a_figure_leads_to_bytes_that_hash_to_the_ledger(page: Page, portal: Portal, folder: Path) -> None:
    _section(page, "Controls")
    page.get_by_role("main").locator("a[href*='/controls/AC-01/']").first.click()
    figure = page.locator(".figures a.deviation")
    failed = int(re.sub(r"\D", "", figure.first.locator(".value").inner_text()))
    figure.first.click()
    rows = page.locator("table.data tbody tr")
    expect(rows).to_have_count(min(failed, 50))
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ConsoleLogin")
    picture(page, "journey/event-1440")

    raw = saved(page, page.get_by_role("link", name="download", exact=True), folder).read_bytes()
    assert raw == portal.world["root"].encode(), "the bytes are not those that were in the uploaded file"
    sha256 = hashlib.sha256(raw).hexdigest()
    expect(page.get_by_text("SHA-256 of the exact bytes")).to_contain_text(sha256)

    proof = json.loads(saved(page, page.get_by_role("link", name="Download the proof"), folder).read_bytes())
    record = proof["record"]
    page.get_by_text(re.compile("^Audit path")).click()
    shown = [bytes.fromhex(re.sub(r"\s", "", each)) for each in page.locator("ol.path li").all_inner_texts()]
    assert shown == [base64.b64decode(each) for each in record["path"]]
    assert record["records"] == portal.world["records"]
    root = _root_above(hashlib.sha256(b"\0" + raw).digest(), record["index"], record["records"], shown)
    of_page = (
        page.locator("dt", has_text="Records root").locator("xpath=following-sibling::dd[1]").inner_text()
    )
    assert root.hex() == re.sub(r"\s", "", of_page)
    assert root == base64.b64decode(record["root"])
    # The leaf of the ledger names that root, among what else it says of the batch.
    leaf = base64.b64decode(proof["leaf"]["bytes"])
    assert root.hex().encode() in leaf or base64.b64encode(root) in leaf


def _root_above(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2, written again here: nothing of the portal's own code is asked."""
    place, last, found = index, size - 1, leaf
    for sibling in path:
        assert last > 0, "the path is too long"
        if place % 2 or place == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        place, last = place >> 1, last >> 1
    assert last == 0, "the path is too short"
    return found


def _the_exception_is_triaged(page: Page) -> None:
    _section(page, "Exceptions")
    row = page.get_by_role("row").filter(has_text=re.compile("root", re.IGNORECASE)).first
    row.get_by_role("link").first.click()
    triage = page.locator(".acts details", has_text="Triage").first
    if not triage.get_by_label("Severity").is_visible():
        triage.locator("summary").click()
    words = "Root was used to restore a locked account; it has no second factor yet."
    triage.get_by_label("Severity").select_option("critical")
    triage.get_by_label("Cause").select_option("person")
    triage.get_by_label("Harm").select_option("none seen")
    triage.get_by_label("Why it happened").fill(words)
    triage.get_by_role("button", name="Triage").click()
    expect(page.locator(".page-head .line")).to_contain_text("riaged")
    happened = page.locator("section", has=page.get_by_role("heading", name="What happened"))
    expect(happened).to_contain_text(words)
    expect(happened).to_contain_text("Nell Archer")


def _a_type_2_is_built_and_verifies(page: Page, portal: Portal, folder: Path) -> None:
    _section(page, "Packages")
    page.get_by_role("link", name="Build a package").first.click()
    page.get_by_label("Type", exact=True).select_option("2")
    page.get_by_label("First day of a Type II").fill(portal.world["begin"])
    page.get_by_label("Last day of a Type II").fill(portal.world["today"])
    page.get_by_role("button", name="Build the draft").click()
    # Progress is told while the worker builds, without the page being asked for again.
    download = page.get_by_role("link", name=re.compile("^Download,"))
    expect(download).to_be_visible(timeout=PATIENCE)
    picture(page, "journey/package-1440")
    page.set_viewport_size(NARROW)
    assert sideways(page) == 0
    picture(page, "journey/package-390")
    bundle = saved(page, download, folder)
    shown = page.locator("dt", has_text="SHA-256").locator("xpath=following-sibling::dd[1]").inner_text()
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() == re.sub(r"\s", "", shown)

    empty = folder / "empty"
    empty.mkdir()
    with zipfile.ZipFile(bundle) as opened:
        (name,) = (each for each in opened.namelist() if each.endswith("/verify.py"))
        (empty / "verify.py").write_bytes(opened.read(name))
        assert _holds_root(opened, portal), "the sign-in of root is no row of the package"
    done = subprocess.run(
        [sys.executable, "-I", "verify.py", str(bundle)],
        cwd=empty,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _holds_root(bundle: zipfile.ZipFile, portal: Portal) -> bool:
    """Whether some table of the bundle names the event that was uploaded."""
    event = json.loads(portal.world["root"])["eventID"]
    tables = [name for name in bundle.namelist() if name.endswith(".csv")]
    texts = [bundle.read(name).decode() for name in tables]
    return any(event in text or event.replace("-", "") in text for text in texts)
