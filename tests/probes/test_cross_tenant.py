"""Nobody of another client, and nobody at all, ever sees a word of this one.

Words are planted in every text of a client (canaries.py); then every route of both URL confs is called, by every way
to reach the client, as everybody who has no business there. A route that is added later is called without a change
here, and a route that the probe cannot call fails it.
"""

import datetime
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.core import mail
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.utils import timezone

from evidence.intake.models import Source
from evidence.intake.sources import connect, issue_token
from tenants.access.checks import Route, routes
from tenants.access.declare import public_view
from tenants.api.schema import described
from tenants.apitokens.models import ApiToken
from tenants.apitokens.services import create as create_token
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.cockpit.services import record_summary
from tenants.invitations.services import invite_member
from tenants.members.models import Membership, Role, User
from tenants.mywork.models import WorkItem
from tenants.savedviews.models import SavedView
from tenants.savedviews.services import save_view
from tests import make
from tests.probes import canaries
from tests.probes.reach import CannotCallError, Ids, Person, fillings, ids_of, path_of, said

HARBOR_HOST = "harbor.example"
LARKFIELD_HOST = "larkfield.example"
NAME = "nmqx7f3a"
METHODS = ("GET", "POST")


@dataclass(frozen=True)
class Address:
    """Where something is asked for: a path at the portal, or at a host of a client's own."""

    path: str
    host: str | None
    route: Route

    @property
    def methods(self) -> tuple[str, ...]:
        """GET and POST always, and what the view declares besides; of an endpoint what it declares alone."""
        declared = self.route.declared.actions if self.route.declared else ()
        if hasattr(self.route.view, "cls"):
            return tuple(method for method in declared if method != "HEAD")
        return (*METHODS, *(method for method in declared if method not in ("HEAD", *METHODS)))


@dataclass
class World:
    """Harbor, full of words, and everybody who must not see them."""

    harbor: Client
    larkfield: Client
    word: str
    administrator: Person
    strangers: list[Person]
    ids: Ids

    @property
    def words(self) -> tuple[str, ...]:
        return self.word, NAME


@pytest.fixture(scope="module")
def world(module_database: str) -> World:
    harbor = make.client("harbor", name=f"Harbor {NAME}", host=HARBOR_HOST)
    larkfield = make.client("larkfield", host=LARKFIELD_HOST)
    word = canaries.word_of(harbor)
    planted = canaries.plant(harbor)
    with at_client(harbor):
        ids = ids_of(planted.values())
    with at_client(larkfield):
        # The other client has the same things under the same keys: a page that forgets where it is finds one.
        canaries.plant(larkfield)
        token = issue_token(connect("aws", at=timezone.now()), at=timezone.now(), by=None)
    today = datetime.datetime.now(datetime.UTC).date()
    yesterday, next_month = today - datetime.timedelta(days=1), today + datetime.timedelta(days=30)
    insiders = {role: make.member(role, harbor) for role in ("CA", "CO", "EM", "AN")}
    for role, user in insiders.items():
        # An analyst is the MSSP's: its administrator knows them, and that they are assigned, as a client's name.
        known_by = NAME if role == "AN" else word
        User.objects.filter(pk=user.pk).update(
            full_name=f"{known_by} person", email=f"{known_by}{user.pk.hex[:6]}@example.org"
        )
    invitation = invite_member(
        harbor, email=f"{NAME}@example.org", name=f"{NAME} guest", role="CO", by=None, at=timezone.now()
    ).invitation
    ids.add("invitation", invitation.pk)
    ids.add("membership", insiders["CO"].memberships.get().pk)
    audit = make.engagement_of(
        harbor, make.person(f"{word} auditor", second_factor=True), firm=f"{word} auditing"
    )
    ids.add("engagement", audit.pk)
    ids.add("view", _public_rows(harbor, insiders, word).pk)
    revoked = make.member("CA", harbor)
    User.objects.filter(pk=revoked.pk).update(full_name="Formerly there")
    Membership.objects.filter(user=revoked).update(active=False)
    strangers = [
        Person("nobody", None),
        Person("a token of the other client", None, {"Authorization": f"Bearer {token}"}),
        _by_token("an API token of the other client", make.member("CA", larkfield), larkfield),
        _by_token("an expired API token", make.member("CA", harbor), harbor, ended=True),
        *(
            Person(f"{Role(role).label} of the other client", make.member(role, larkfield))
            for role in ("MA", "AN", "CA", "CO", "EM")
        ),
        Person("auditor of the other client", make.auditor(larkfield)),
        Person("revoked member", User.objects.get(pk=revoked.pk)),
        Person(
            "auditor before access", _auditor(harbor, access=(today + datetime.timedelta(days=1), next_month))
        ),
        Person("auditor after access", _auditor(harbor, access=(yesterday, yesterday))),
        Person("person without a role", make.person()),
    ]
    return World(harbor, larkfield, word, Person("its administrator", insiders["CA"]), strangers, ids)


def _by_token(name: str, user: User, at: Client, *, ended: bool = False) -> Person:
    made = create_token(user, client=at, name="a program", role="CA", at=timezone.now(), writes=True)
    if ended:
        ApiToken.objects.filter(pk=made.token.pk).update(expires_at=timezone.now())
    return Person(name, None, {"Authorization": f"Bearer {made.secret}"})


def _public_rows(harbor: Client, insiders: dict[str, User], word: str) -> SavedView:
    """What `public` keeps of a client and its people, with the word in it; returns the administrator's saved view."""
    now = timezone.now()
    WorkItem.objects.create(
        client=harbor, kind=word, key=word, title=word, url=f"{word}/", action="exception.triage", due=now
    )
    record_summary(harbor, open_about=[word], posture_cap=word)
    for user, page, client in ((insiders["AN"], "cockpit", None), (insiders["CA"], "exceptions", harbor)):
        view = save_view(user, page=page, client=client, name=word, query=f"q={word}", at=now)
    return view


def _auditor(at: Client, access: tuple[datetime.date, datetime.date]) -> User:
    user = make.person("An auditor", second_factor=True)
    make.engagement_of(at, user, access=access)
    return user


def reached(route: Route, world: World) -> dict[str, object]:
    """Return arguments with which the client's own administrator gets an answer from a route."""
    declared = route.declared
    assert declared is not None
    methods = declared.actions or {"GET": ""}
    method = "GET" if "GET" in methods else next(iter(methods))
    tried = []
    for filling in fillings(route, world.ids):
        answer = world.administrator.call(method, f"/c/harbor/{path_of(route, filling)}")
        if answer.status_code in (
            200,
            201,
            202,
            204,
            301,
            302,
            303,
            304,
            400,
            401,
            403,
            405,
            409,
            410,
            413,
            415,
            422,
        ):
            return filling
        tried.append(answer.status_code)
    raise CannotCallError(
        f"The probe cannot call /{route.pattern} ({method}, as {world.administrator.name}): {len(tried)} tries, "
        f"answers {sorted(set(tried))}. Plant what it shows in tests/probes/canaries.py."
    )


def addresses(world: World) -> Iterator[Address]:
    """Yield every way in which a stranger could ask for something of Harbor's."""
    for route in routes(settings.ROOT_URLCONF):
        for filling in itertools.islice(fillings(route, world.ids), 3):
            yield Address(f"/{path_of(route, filling)}", None, route)
    for route in routes(settings.CLIENT_URLCONF):
        filling = reached(route, world)
        below = path_of(route, filling)
        yield Address(f"/c/harbor/{below}", None, route)
        yield Address(f"/{below}", HARBOR_HOST, route)
        if filling:
            # Harbor's ids at one's own client.
            yield Address(f"/c/larkfield/{below}", None, route)
            yield Address(f"/{below}", LARKFIELD_HOST, route)


def leaks(world: World) -> tuple[int, int, list[str]]:
    """Call everything as everybody; return (addresses, calls, what leaked)."""
    asked = {(each.path, each.host): each for each in addresses(world)}
    found, calls = [], 0
    for address in asked.values():
        for person in world.strangers:
            # The MSSP's administrator may know that a client exists, by its name.
            words = (world.word,) if person.name.startswith(Role.MSSP_ADMIN.label) else world.words
            for method in address.methods:
                calls += 1
                text = said(person.call(method, address.path, host=address.host), address.path)
                if any(word in text for word in words):
                    found.append(f"{person.name}: {method} {address.host or ''}{address.path}")
    return len(asked), calls, found


def test_a_word_lies_in_every_text_that_a_client_can_hold(world: World) -> None:
    assert canaries.unplanted(world.harbor.schema_name, world.word) == set()
    assert len(canaries.holding(world.harbor.schema_name, world.word)) > 30


def test_no_other_schema_holds_a_word_of_this_client(world: World) -> None:
    assert canaries.holding(world.larkfield.schema_name, world.word) == set()


@pytest.mark.slow
def test_nobody_of_another_client_sees_a_word_of_this_one(world: World) -> None:
    with override_settings(ACCOUNT_RATE_LIMITS=False):
        asked, calls, found = leaks(world)
    print(f"{asked} addresses × {len(world.strangers)} people = {calls} calls, leaks {len(found)}")
    assert found == []


def test_every_operation_of_the_api_is_asked(world: World) -> None:
    with override_settings(ACCOUNT_RATE_LIMITS=False):
        asked = {
            (re.sub(r"<\w+:", "<", each.route.pattern), method)
            for each in addresses(world)
            for method in each.methods
        }
    for urlconf in (settings.ROOT_URLCONF, settings.CLIENT_URLCONF):
        told = {
            (path.removeprefix("/").replace("{", "<").replace("}", ">"), method.upper())
            for path, methods in described(urlconf)["paths"].items()
            for method in methods
        }
        assert told - asked == set()


@pytest.mark.slow
def test_what_is_kept_and_sent_elsewhere_holds_no_word_either(world: World) -> None:
    elsewhere = [m for m in mail.outbox if not all(NAME in address for address in m.to)]
    leaks_of_mail = [m.subject for m in elsewhere if world.word in f"{m.subject} {m.body} {m.to}"]
    assert leaks_of_mail == []
    with connection.cursor() as cursor:
        cursor.execute(
            "select cache_key, value from django_cache where not starts_with(cache_key, %s)",
            [f":{world.harbor.pk}"],
        )
        kept = [
            key
            for key, value in cursor.fetchall()
            if world.word in f"{key}{value}" and str(world.harbor.pk) not in key
        ]
    assert kept == []
    for folder in (world.larkfield.slug, str(world.larkfield.pk)):
        assert not [name for name in _names(folder) if world.word in name]


def _names(folder: str) -> list[str]:
    if not default_storage.exists(folder):
        return []
    folders, files = default_storage.listdir(folder)
    return [*files, *(name for each in folders for name in _names(f"{folder}/{each}"))]


@public_view("plants a leak for the probe to find")
def leaky(request: HttpRequest) -> HttpResponse:
    with at_client("harbor"):
        return HttpResponse(list(Source.objects.values_list("slug", flat=True)))


urlpatterns = [path("leaky/", leaky)]


def test_the_probe_sees_a_leak(world: World) -> None:
    with override_settings(CLIENT_URLCONF=__name__, ROOT_URLCONF=__name__):
        _, _, found = leaks(world)
    assert any("leaky/" in each for each in found)


def test_the_probe_fails_for_what_it_cannot_call(world: World) -> None:
    module = type("urls", (), {"urlpatterns": [path("things/<int:thing>/", leaky_never)]})
    import sys

    sys.modules["urls_of_the_probe"] = module  # type: ignore[assignment]
    confs = {"CLIENT_URLCONF": "urls_of_the_probe", "ROOT_URLCONF": "urls_of_the_probe"}
    with override_settings(**confs), pytest.raises(CannotCallError, match="things"):
        list(addresses(world))


@public_view("is never found")
def leaky_never(request: HttpRequest, thing: int) -> HttpResponse:
    return HttpResponse(status=404)
