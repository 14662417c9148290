"""Nobody of another client, and nobody at all, ever sees a word of this one.

Words are planted in every text of a client (canaries.py); then every route of both URL confs is called, by every way
to reach the client, as everybody who has no business there. A route that is added later is called without a change
here, and a route that the probe cannot call fails it.
"""

import base64
import contextlib
import datetime
import itertools
import logging
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import zstandard
from django.conf import settings
from django.core import mail
from django.core.cache import cache
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
from tenants.access.models import ReadLogEntry
from tenants.access.policy import standing
from tenants.api.schema import described
from tenants.apitokens.models import ApiToken
from tenants.apitokens.services import create as create_token
from tenants.breakglass.services import open_breakglass
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.cockpit.services import record_summary
from tenants.identity.services import set_provider
from tenants.invitations.services import invite_member
from tenants.members.models import Membership, Role, User
from tenants.mywork.models import WorkItem
from tenants.notifications.sending import send_due
from tenants.notifications.services import choose_mail, notify
from tenants.savedviews.models import SavedView
from tenants.savedviews.services import save_view
from tests import make
from tests.probes import canaries
from tests.probes.reach import (
    CannotCallError,
    Ids,
    Person,
    fillings,
    ids_of,
    path_of,
    said,
    texts_in,
    without,
)

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
    insiders: list[User]

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
    _provider(harbor, word)
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
    auditor = make.person(f"{word} auditor", second_factor=True)
    engagement = make.engagement_of(harbor, auditor, firm=f"{word} auditing")
    breaker = make.member("AN")
    with at_client(harbor):
        entry = open_breakglass(breaker, harbor, reason=f"{word} must be looked at", at=timezone.now())
    place = standing(auditor, harbor)
    ReadLogEntry.objects.create(
        time=timezone.now(), user=auditor, client=harbor, engagement=place.engagement, action="control.read",
        path=f"/c/harbor/{word}", status=200,
    )  # fmt: skip
    for name, row in (("engagement", engagement), ("user", auditor), ("breakglass", entry)):
        ids.add(name, row.pk)
    ids.add("slug", "harbor")
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
    outside = [person.user for person in strangers if person.user is not None]
    for row in canaries.plant_for(harbor, [*insiders.values(), *outside], owner=insiders["CA"]):
        ids.add(row._meta.model_name or "", row.pk)
    people = list(User.objects.filter(pk__in=[user.pk for user in insiders.values()]))
    return World(harbor, larkfield, word, Person("its administrator", insiders["CA"]), strangers, ids, people)


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


def _provider(at: Client, word: str) -> None:
    """The client's identity provider. Its name and address are for whoever signs in, so they hold no word."""
    set_provider(
        at,
        name="Own sign-in",
        issuer="https://10.0.0.1",  # asked by nobody: it lies in a private network
        oidc_client_id=word,
        secret=word,
        enabled=True,
        second_factor=False,
        by=make.person(),
        at=timezone.now(),
    )


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
    with overheard() as lines:
        for address in asked.values():
            for person in world.strangers:
                # The MSSP's administrator may know that a client exists, by its name.
                words = (world.word,) if person.name.startswith(Role.MSSP_ADMIN.label) else world.words
                for method in address.methods:
                    calls += 1
                    lines.clear()
                    text = said(person.call(method, address.path, host=address.host), address.path)
                    where = f"{person.name}: {method} {address.host or ''}{address.path}"
                    found += [where] if any(word in text for word in words) else []
                    logged = without("\n".join(lines), address.path).lower()
                    found += [f"log of {where}"] if any(word in logged for word in world.words) else []
    return len(asked), calls, found


def astray(world: World) -> list[str]:
    """Mails with a word in them that went to somebody outside: all of Harbor's people have one in their address."""
    sent = [(m.to, f"{m.subject} {m.body} {m.extra_headers}".lower()) for m in mail.outbox]
    return [
        f"{to}: {text}"
        for to, text in sent
        if any(word in text for word in world.words)
        and not all(any(word in address for word in world.words) for address in to)
    ]


@contextlib.contextmanager
def overheard() -> Iterator[list[str]]:
    """Collect every line that is logged, with its traceback, whatever the level."""
    lines: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


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
    assert astray(world) == []


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


def test_no_mail_and_no_log_line_holds_a_word_for_who_has_no_business_there(world: World) -> None:
    inside = {user.email for user in world.insiders}
    with overheard() as lines:
        send_due(at=timezone.now())
    assert {m.to[0] for m in mail.outbox if world.word in m.body} == inside  # each was told, and mailed
    assert astray(world) == []
    assert [line for line in lines if world.word in line or NAME in line] == []


def test_a_dead_mail_server_logs_no_word(world: World) -> None:
    choose_mail(world.insiders[0], mail="at_once", digest_hour=7, zone="UTC", at=timezone.now())
    words = {"subject": world.word, "body": world.word, "client": world.harbor}
    notify(world.insiders, kind="engagement_opened", **words, at=timezone.now(), dedup="dead")
    backend = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1), overheard() as lines:
        assert send_due(at=timezone.now()) == 0
    assert any("mail waits" in line for line in lines)
    assert [line for line in lines if world.word in line or NAME in line] == []


def test_every_key_of_the_cache_belongs_to_one_client_the_portal_or_people(world: World) -> None:
    with at_client(world.harbor):
        cache.set("probe", world.word)
    with at_client(world.larkfield):
        assert cache.get("probe") is None
    assert cache.get("probe") is None
    with connection.cursor() as cursor:
        cursor.execute("select cache_key, value from public.django_cache")
        kept = [(key.partition(":")[0], base64.b64decode(value)) for key, value in cursor.fetchall()]
    clients = {str(pk) for pk in Client.objects.values_list("pk", flat=True)}
    assert {scope for scope, _ in kept} <= clients | {"portal", "people"}
    assert {scope for scope, value in kept if world.word.encode() in value} == {str(world.harbor.pk)}


def test_every_object_lies_in_the_folder_of_one_client(world: World) -> None:
    clients = {str(pk) for pk in Client.objects.values_list("pk", flat=True)}
    folders = default_storage.listdir("")[0]
    assert all(uuid.UUID(folder) for folder in folders)
    names = [name for folder in clients & set(folders) for name in _names(folder)]
    for client in (world.harbor, world.larkfield):
        word = canaries.word_of(client)
        holding = {name.partition("/")[0] for name in names if word in name or word in _content(name)}
        assert holding == {str(client.pk)}


def _content(name: str) -> str:
    with default_storage.open(name, "rb") as stored:
        body = stored.read()
    if body.startswith(_ZSTD):
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            body = reader.read()
    return "\n".join(texts_in(body))


_ZSTD = b"\x28\xb5\x2f\xfd"


def _names(folder: str) -> list[str]:
    """Every object's whole name below a folder."""
    folders, files = default_storage.listdir(folder)
    below = f"{folder}/" if folder else ""
    return [
        *(f"{below}{name}" for name in files),
        *(name for each in folders for name in _names(f"{below}{each}")),
    ]


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
