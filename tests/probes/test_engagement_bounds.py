"""What lies a day outside of an engagement is nowhere in what its auditors can open (T6), and each read is logged (T7).

One event, batch, delivery, exception and package on the last day before the period, on its first, its last, and the
first day after it, by the client's zone; every route that an auditor may open is called with each of them.
"""

import datetime
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import override_settings
from django.utils import timezone

from controls.catalogue.models import Control
from controls.catalogue.services import put_in_place
from controls.exceptions.models import ControlException
from evidence.batches.models import Batch
from evidence.events.models import Event
from evidence.intake.models import Delivery
from reports.packages.models import Package
from tenants.access.checks import Route, routes
from tenants.access.models import ReadLogEntry
from tenants.access.policy import OF_ONESELF, POLICY
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.engagements.models import Engagement
from tenants.members.models import User
from tests import make
from tests.probes.reach import Ids, Person, fillings, path_of, said

START, END = datetime.date(2026, 3, 2), datetime.date(2026, 3, 31)
DAY = datetime.timedelta(days=1)


@dataclass
class Sample:
    """What one day left: how each thing is addressed, and words by which it would be recognized."""

    name: str
    inside: bool
    ids: Ids
    words: tuple[str, ...]


@dataclass
class World:
    client: Client
    engagement: Engagement
    auditor: User
    administrator: User
    samples: list[Sample]


def at(client: Client, day: datetime.date, time: datetime.time) -> datetime.datetime:
    return datetime.datetime.combine(day, time, client.tzinfo).astimezone(datetime.UTC)


def sample(client: Client, name: str, moment: datetime.datetime, *, inside: bool) -> Sample:
    """Take in one sign-in of the root account without a second factor, as a batch, a delivery and an exception."""
    record = make.sign_in("root", mfa=False, at=moment, userAgent=f"agent-{name}")
    known = set(ControlException.objects.values_list("pk", flat=True))
    make.take_in(make.lines([record]), name=f"trail-{name}.json", at=moment)
    delivery = Delivery.objects.get(name=f"trail-{name}.json")
    batch = (
        Batch.objects.get(deliveries__delivery=delivery)
        if hasattr(Batch, "deliveries")
        else (delivery.delivered.get().batch)
    )
    event = Event.objects.get(batch=batch)
    (exception,) = ControlException.objects.exclude(pk__in=known)
    local = moment.astimezone(client.tzinfo).date()
    package = Package.objects.create(
        kind="2", period_start=local, period_end=local, status="issued", state="built",
        asked_at=moment, built_at=moment, name=f"package-{name}",
        object_name=default_storage.save(f"{client.pk}/packages/{name}.zip", ContentFile(b"PK")),
    )  # fmt: skip
    ids = Ids()
    for key, value in (
        ("source", "aws"), ("slug", "aws"), ("batch", batch.pk), ("sha256", batch.sha256), ("seq", event.seq),
        ("uid", event.uid), ("event", event.pk if not isinstance(event.pk, tuple) else event.seq),
        ("delivery", delivery.pk), ("exception", exception.number), ("number", exception.number),
        ("package", package.pk), ("control", "AC-01"), ("rule", exception.rule), ("page", 1),
    ):  # fmt: skip
        ids.add(key, value)
    sha = batch.sha256 if isinstance(batch.sha256, str) else bytes(batch.sha256).hex()
    return Sample(
        name,
        inside,
        ids,
        (f"agent-{name}", exception.number.lower(), sha[:12], f"package-{name}", record["eventID"]),
    )


@pytest.fixture(scope="module")
def world(module_database: str) -> World:
    client = make.client("harbor", zone="Pacific/Auckland")
    last, first = datetime.time(23, 59, 59), datetime.time(0, 0, 0)
    with at_client(client):
        put_in_place(["AC-01"], since=datetime.date(2026, 1, 1))
        make.source(connected=at(client, START - 30 * DAY, first))
        samples = [
            sample(client, "yesteryear", at(client, START - DAY, last), inside=False),
            sample(client, "openingday", at(client, START, first), inside=True),
            sample(client, "closingday", at(client, END, last), inside=True),
            sample(client, "toolate", at(client, END + DAY, first), inside=False),
        ]
    auditor = make.person("Auditor", second_factor=True)
    engagement = make.engagement_of(client, auditor, period=(START, END))
    return World(client, engagement, auditor, make.member("CA", client), samples)


def readable() -> Iterator[tuple[Route, str]]:
    """Yield every route at which an auditor may read something of the client's."""
    for route in routes(settings.CLIENT_URLCONF):
        declared = route.declared
        action = declared.actions.get("GET") if declared is not None else None
        if action is not None and "AU" in POLICY[action] and action not in OF_ONESELF:
            yield route, action


def addresses(route: Route, each: Sample) -> list[str]:
    try:
        found = list(itertools.islice(fillings(route, each.ids), 6))
    except AssertionError:
        return []  # it shows nothing of what was planted here
    return [f"/c/harbor/{path_of(route, filling)}" for filling in found]


def opened(world: World, user: User) -> tuple[int, dict[str, set[str]]]:
    """Call everything with everything; return how many calls, and where the words of each sample were read."""
    person, calls = Person("somebody", user), 0
    seen: dict[str, set[str]] = {each.name: set() for each in world.samples}
    asked = {
        address: None
        for each in world.samples
        for route, _ in readable()
        for address in addresses(route, each)
    }
    wide = f"from={START - 9 * DAY}&to={END + 9 * DAY}"
    for address in asked:
        for query in ("", f"?{wide}", "?show=all"):
            calls += 1
            answer = person.call("GET", f"{address}{query}")
            text = said(answer, f"{address}{query}") if answer.status_code == 200 else ""
            for each in world.samples:
                if any(word in text for word in each.words):
                    seen[each.name].add(f"{address}{query}")
    return calls, seen


@pytest.mark.slow
def test_nothing_of_a_day_outside_is_in_any_answer(world: World) -> None:
    with override_settings(PROOFLINE_API_REQUESTS_PER_MINUTE=1_000_000):
        _, by_administrator = opened(world, world.administrator)
    assert all(len(found) > 5 for found in by_administrator.values()), "there is nothing to be seen at all"
    before = ReadLogEntry.objects.count()
    with override_settings(PROOFLINE_API_REQUESTS_PER_MINUTE=1_000_000):
        calls, seen = opened(world, world.auditor)
    logged = ReadLogEntry.objects.count() - before
    print(
        f"{calls} reads, {logged} logged, outside seen: {[len(seen[s.name]) for s in world.samples if not s.inside]}"
    )
    for each in world.samples:
        if each.inside:
            assert seen[each.name], each.name
        else:
            assert sorted(seen[each.name]) == []
    assert logged == calls > 200


@pytest.mark.slow
def test_what_belongs_to_a_day_outside_is_404(world: World) -> None:
    auditor, administrator = Person("auditor", world.auditor), Person("administrator", world.administrator)
    checked = 0
    for each in world.samples:
        # Things of that day alone: those that the administrator opens by its ids and by no other sample's.
        others = {
            a
            for other in world.samples
            if other is not each
            for r, _ in readable()
            for a in addresses(r, other)
        }
        for route, _ in readable():
            # What lies within the admin is never there for an auditor.
            within = route.declared is not None and bool(route.declared.within)
            for address in addresses(route, each):
                if address in others:
                    continue
                answer = administrator.call("GET", address)
                if answer.status_code != 200 or not any(w in said(answer, address) for w in each.words):
                    continue
                checked += 1
                status = auditor.call("GET", address).status_code
                assert status == (200 if each.inside and not within else 404), (each.name, address, status)
    print(f"{checked} addresses of single things")
    assert checked > 20


def test_controls_of_other_categories_are_not_there(world: World) -> None:
    user = make.person("Auditor of availability", second_factor=True)
    engagement = make.engagement_of(world.client, user, period=(START, END))
    Engagement.objects.filter(pk=engagement.pk).update(categories=["A"])
    browser = make.signed_in(user)
    with at_client(world.client):
        controls = list(Control.objects.exclude(status="retired"))
    inside = {c.pk for c in controls if any(k.startswith("A1") for k in c.criteria)}
    assert inside
    assert len(inside) < len(controls)
    for control in controls:
        wanted = 200 if control.pk in inside else 404
        assert browser.get(f"/c/harbor/controls/{control.pk}/").status_code == wanted, control.pk
    text = "".join(
        said(browser.get(f"/c/harbor/{page}"), page)
        for page in ("", "controls/", "controls.csv", "exceptions/", "exceptions.csv")
        if browser.get(f"/c/harbor/{page}").status_code == 200
    )
    for each in world.samples:
        assert not any(word in text for word in each.words if word.startswith("ex-"))
    assert "ac-01" not in text


def test_what_was_made_for_another_firm_is_not_there(world: World) -> None:
    other = make.person("Rival", second_factor=True)
    theirs = make.engagement_of(world.client, other, period=(START, END), firm="Rivals LLP")
    with at_client(world.client):
        package = Package.objects.create(
            kind="2", period_start=START, period_end=END, status="issued", state="built", engagement=theirs.pk,
            asked_at=timezone.now(), name="for-the-rivals",
        )  # fmt: skip
    browser = make.signed_in(world.auditor)
    assert browser.get(f"/c/harbor/packages/{package.pk}/").status_code == 404
    assert make.signed_in(other).get(f"/c/harbor/packages/{package.pk}/").status_code == 200
    assert browser.get(f"/c/harbor/settings/engagements/{theirs.pk}/").status_code == 404
    for route, _ in readable():
        for address in addresses(route, world.samples[1]):
            answer = browser.get(address)
            text = said(answer, address) if answer.status_code == 200 else ""
            assert "rivals" not in text, address


@pytest.mark.parametrize("days", [(-1, 1), (0, 0), (1, 2), (-2, -1)])
def test_access_begins_and_ends_with_its_days(world: World, days: tuple[int, int]) -> None:
    today = timezone.now().astimezone(world.client.tzinfo).date()
    user = make.person("Auditor for a while", second_factor=True)
    make.engagement_of(world.client, user, access=(today + days[0] * DAY, today + days[1] * DAY))
    live = days[0] <= 0 <= days[1]
    assert make.signed_in(user).get("/c/harbor/controls/").status_code == (200 if live else 404)


def test_an_auditor_of_two_clients_reads_each_under_its_own(world: World) -> None:
    lumen = make.client("lumen")
    make.engagement_of(lumen, world.auditor, firm="The same firm")
    browser = make.signed_in(world.auditor)
    assert browser.get("/c/lumen/controls/").status_code == 200
    page = browser.get("/c/harbor/controls/").content.decode()
    assert "Lumen" in page, "the switcher names both"
    Engagement.objects.filter(client=lumen).delete()
    assert browser.get("/c/lumen/controls/").status_code == 404
