"""Telling people, and noting that they have read it."""

import datetime
import hashlib
import re
from collections.abc import Iterable

from django.utils.text import Truncator

from tenants.clients.models import Client
from tenants.members.models import User
from tenants.notifications.kinds import Kind, kind_of
from tenants.notifications.models import Notification

# A path below a root: no host, no scheme, no way up, nothing that could end a line.
_PATH = re.compile(r"(?!/)(?!.*//)(?!.*\.\.)[A-Za-z0-9/_.~%?&=+,;@-]*")


def notify(
    users: Iterable[User],
    *,
    kind: str,
    subject: str,
    body: str = "",
    url: str = "",
    client: Client | None = None,
    at: datetime.datetime,
    dedup: str,
    urgent: bool = False,
) -> None:
    """Tell each person one thing, once: the same `dedup` of a kind at a client is not told to them again.

    Subject and body name kind, ids and counts, never what evidence says: they lie in `public` and go by mail.
    `url` is a path below the client's root, or below the portal's without a client (`exceptions/EX-2026-0007/`).
    What is urgent, by its kind or by this call, is mailed at once after the commit.

    Raises:
        UnknownKindError: nobody registered the kind.
        ValueError: `url` is not such a path.
    """
    found = kind_of(kind)
    rows = [_row(user, found, subject, body, url, client, at, dedup, urgent) for user in _once(users)]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


def _row(
    user: User,
    kind: Kind,
    subject: str,
    body: str,
    url: str,
    client: Client | None,
    at: datetime.datetime,
    dedup: str,
    urgent: bool,
) -> Notification:
    if not _PATH.fullmatch(url):
        raise ValueError(f'"{url}" is no path below the root of a client or of the portal.')
    return Notification(
        user=user,
        client=client,
        kind=kind.key,
        subject=_one_line(subject),
        body=body.replace("\x00", "").strip(),
        url=url,
        dedup=_key(kind, client, dedup),
        urgent=urgent or not kind.may_wait,
        created_at=at,
        mail_after=at,
    )


def _once(users: Iterable[User]) -> list[User]:
    """Each person once and in one order, so that two who tell the same people never wait for each other."""
    return sorted({user.pk: user for user in users if user.is_active}.values(), key=lambda user: user.pk)


def _one_line(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return Truncator(" ".join(printable.split())).chars(200)


def _key(kind: Kind, client: Client | None, dedup: str) -> str:
    key = f"{kind.key}:{client.pk if client else ''}:{dedup}"
    return key if len(key) <= 120 else hashlib.sha256(key.encode()).hexdigest()
