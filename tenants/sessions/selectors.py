"""Reads about sessions: those that count, whose they are, and from what device, in words."""

import re
from datetime import datetime, timedelta
from typing import Final

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet

from tenants.clients.models import Client
from tenants.members.models import Membership, User
from tenants.sessions.services import BOUND

# In this order: many browsers name others whose pages they can show, too.
_BROWSERS: Final = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"(?:Firefox|FxiOS)/"),
    ("Chrome", r"(?:Chrome|CriOS)/"),
    ("Chromium", r"Chromium/"),
    ("Safari", r"Safari/"),
    ("curl", r"^curl/"),
)
_SYSTEMS: Final = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)


def live_sessions(*, at: datetime) -> QuerySet[UserSession]:
    """Return the sessions that would still open a page, last used first."""
    kept = Session.objects.filter(expire_date__gt=at).values("session_key")
    return UserSession.objects.filter(
        session_key__in=kept,
        created_at__gt=at - timedelta(seconds=settings.SESSION_COOKIE_AGE),
        last_seen_at__gt=at - timedelta(seconds=settings.PROOFLINE_SESSION_IDLE),
    ).order_by("-last_seen_at", "-pk")


def sessions_of(user: User, *, at: datetime) -> QuerySet[UserSession]:
    """Return a person's own live sessions."""
    return live_sessions(at=at).filter(user=user)


def sessions_at(client: Client, *, at: datetime) -> QuerySet[UserSession]:
    """Return the live sessions of a client's own people: not of the MSSP's, not of auditors, none bound elsewhere."""
    active = Membership.objects.filter(active=True)
    people = active.filter(client=client).exclude(user__in=active.filter(client=None).values("user"))
    bound_here = Q(**{f"data__{BOUND}": str(client.pk)}) | ~Q(data__has_key=BOUND)
    return live_sessions(at=at).filter(bound_here, user__in=people.values("user")).select_related("user")


def device_words(user_agent: str) -> str:
    """Write a browser's own name for itself as a person would: `Firefox on Windows`."""
    browser = next((name for name, sign in _BROWSERS if re.search(sign, user_agent)), "")
    system = next((name for name, sign in _SYSTEMS if re.search(sign, user_agent)), "")
    return " on ".join(filter(None, (browser, system))) or "An unnamed device"
