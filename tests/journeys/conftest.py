"""One portal with a lived-in client for all journeys, and Chromium."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from config.devstack import testing
from tests.journeys import browsing
from tests.journeys.portal import Portal, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives Chromium; with `--dist loadgroup` one worker has it all, and one portal is enough."""
    here = Path(__file__).parent
    for each in items:
        if here in each.path.parents:
            each.add_marker(pytest.mark.browser)
            each.add_marker(pytest.mark.xdist_group("journeys"))


@pytest.fixture(scope="session")
def portal(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[Portal]:
    """The portal, running, with what `tests.journeys.world` describes."""
    if browsing.chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "Chromium is not installed, so no page is opened. Debian's package is chromium."
        )
    folder = tmp_path_factory.mktemp("portal")
    with (
        django_db_blocker.unblock(),
        testing.cloned_database(f"{worker_id}_journeys") as name,
        running(testing.database_url(name), folder) as portal,
    ):
        yield portal


@pytest.fixture(scope="session")
def browser(portal: Portal) -> Iterator[Browser]:
    """Chromium, started once."""
    with sync_playwright() as playwright:
        started = browsing.launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="session")
def session_of(portal: Portal, browser: Browser) -> Callable[[str], StorageState]:
    """Sign somebody in by the pages, once; returns the cookies for further visits."""
    kept: dict[str, StorageState] = {}

    def session(who: str) -> StorageState:
        if who not in kept:
            with browsing.visit(browser, portal) as page:
                browsing.sign_in(page, portal, who)
                kept[who] = page.context.storage_state()
        return kept[who]

    return session
