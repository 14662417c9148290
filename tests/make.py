"""Makes objects for tests: plain functions with good defaults."""

import datetime
import itertools
from typing import Any

from django.test import Client as Browser

from tenants.clients.models import Client
from tenants.clients.services import create_client
from tenants.engagements.models import Engagement
from tenants.engagements.services import open_type_2
from tenants.members.models import MSSP_ROLES, Role, User
from tenants.members.services import assign, give_role, give_second_factor, make_person

PASSWORD = "a password for tests"
_numbers = itertools.count(1)


def client(slug: str = "harbor", *, name: str = "", zone: str = "UTC", host: str | None = None) -> Client:
    """A client with its schema."""
    return create_client(slug, name=name or slug.title(), zone=zone, host=host)


def bare_client(slug: str, *, name: str = "", zone: str = "UTC") -> Client:
    """A client without a schema, for tests that never enter it."""
    return Client.objects.create(
        slug=slug, schema_name=f"bare_{slug}".replace("-", "_"), name=name or slug, zone=zone
    )


def person(name: str = "Somebody", *, second_factor: bool = False) -> User:
    """A person who may sign in and has no role anywhere."""
    user = make_person(f"person{next(_numbers)}@example.org", name=name, password=PASSWORD)
    if second_factor:
        give_second_factor(user)
    return user


def member(
    role: Role | str, at: Client | None = None, *, assigned: bool = True, second_factor: bool = True
) -> User:
    """A person with a role: of the client `at`, or of the MSSP and (unless said otherwise) assigned to it."""
    role = Role(role)
    user = person(f"{role.label} {at or ''}".strip(), second_factor=second_factor)
    if role in MSSP_ROLES:
        give_role(user, role)
        if at is not None and assigned:
            assign(user, client=at)
    else:
        assert at is not None
        give_role(user, role, client=at)
    return user


def auditor(at: Client, **engagement: Any) -> User:
    """An auditor with an engagement that is open today; see `engagement_of` for what may be said of it."""
    user = person(f"Auditor {at}", second_factor=True)
    engagement_of(at, user, **engagement)
    return user


def engagement_of(
    at: Client,
    *auditors: User,
    period: tuple[datetime.date, datetime.date] | None = None,
    access: tuple[datetime.date, datetime.date] | None = None,
    firm: str = "Okafor & Lind",
) -> Engagement:
    """A Type II engagement over last year, open from yesterday until next month unless said otherwise."""
    today = datetime.datetime.now(at.tzinfo).date()
    period = period or (datetime.date(today.year - 1, 1, 1), datetime.date(today.year - 1, 12, 31))
    access = access or (today - datetime.timedelta(days=1), today + datetime.timedelta(days=30))
    return open_type_2(
        at,
        firm=firm,
        period_start=period[0],
        period_end=period[1],
        access_from=access[0],
        access_until=access[1],
        auditors=auditors,
    )


def signed_in(user: User | None, *, host: str | None = None) -> Browser:
    """A browser in which this person is signed in (nobody, for None), at the portal or at a host of a client's own."""
    defaults: dict[str, Any] = {"HTTP_HOST": host} if host else {}
    browser = Browser(**defaults)
    if user is not None:
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser
