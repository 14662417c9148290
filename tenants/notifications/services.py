"""Telling people, and noting that they have read it."""

import datetime
import hashlib
import logging
import re
import uuid
from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.utils.text import Truncator
from kombu.exceptions import KombuError

from tenants.clients.models import Client
from tenants.members.models import Membership, User
from tenants.notifications.kinds import Kind, kind_of
from tenants.notifications.models import Notification, NotificationMark, NotificationSetting

log = logging.getLogger(__name__)

# Gathered things are mailed a little later, so that what comes together goes together, and not more often than this.
GATHERED_FOR: Final = datetime.timedelta(minutes=2)
GATHERED_EVERY: Final = datetime.timedelta(hours=1)

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
    if any(row.urgent for row in rows):
        transaction.on_commit(_hint, robust=True)


@transaction.atomic
def gather(
    users: Iterable[User],
    *,
    kind: str,
    subject: str,
    url: str,
    list_url: str,
    count: int = 1,
    client: Client,
    at: datetime.datetime,
    dedup: str,
) -> None:
    """Tell each person of one or of many things of a kind that can come in floods.

    What a person has not read, and was not mailed, grows: it then says how many there are (`Kind.many`) and leads to
    `list_url`. So thousands of things make one notification for each person, client and kind, and at most one mail an
    hour.
    """
    found = kind_of(kind)
    fresh = []
    for user in _once(users):
        before = Notification.objects.filter(user=user, client=client, kind=kind)
        open_one = (
            before.select_for_update()
            .filter(read_at=None, mailed_at=None, mail_tries=0)
            .order_by("-created_at")
            .first()
        )
        if open_one is None:
            row = _row(user, found, subject, "", url, client, at, dedup, urgent=False)
            if count > 1:
                row.count, row.subject, row.url = count, found.many.format(count=count), list_url
            last = before.filter(mailed_at__gt=at - GATHERED_EVERY).order_by("-mailed_at").first()
            lately = last.mailed_at if last is not None else None
            row.mail_after = max(at + GATHERED_FOR, lately + GATHERED_EVERY if lately else at)
            fresh.append(row)
        else:
            open_one.count += count
            open_one.subject, open_one.url = found.many.format(count=open_one.count), list_url
            open_one.save(update_fields=["count", "subject", "url"])
    Notification.objects.bulk_create(fresh, ignore_conflicts=True)


def mark_of(client: Client, kind: str) -> tuple[NotificationMark, bool]:
    """Return, locked until the transaction ends, up to where a kind was told at a client; and whether it is new."""
    _, created = NotificationMark.objects.get_or_create(client=client, kind=kind)
    return NotificationMark.objects.select_for_update().get(client=client, kind=kind), created


def mark_read(found: Iterable[Notification], *, at: datetime.datetime) -> int:
    """Note that notifications were read; those that were before keep their instant."""
    keys = [each.pk for each in found]
    return Notification.objects.filter(pk__in=keys, read_at=None).update(read_at=at)


def setting_of(user: User | uuid.UUID) -> NotificationSetting:
    """Return how a person is mailed, made at first need: by kind, the digest at seven in the zone of their client."""
    key = user.pk if isinstance(user, User) else user
    found = NotificationSetting.objects.filter(pk=key).first()
    if found is None:
        zone = (
            Membership.objects.filter(user=key, active=True, client__isnull=False)
            .order_by("since")
            .values_list("client__zone", flat=True)
            .first()
        )
        found, _ = NotificationSetting.objects.get_or_create(pk=key, defaults={"zone": zone or "UTC"})
    return found


def choose_mail(
    user: User, *, mail: str, digest_hour: int, zone: str, at: datetime.datetime
) -> NotificationSetting:
    """Keep how a person wants to be mailed; what waits for a mail is looked at again by the new choice."""
    with transaction.atomic():
        setting_of(user)
        setting = NotificationSetting.objects.select_for_update().get(pk=user.pk)
        setting.mail, setting.digest_hour, setting.zone = mail, digest_hour, zone
        setting.save(update_fields=["mail", "digest_hour", "zone"])
        waiting = Notification.objects.filter(user=user, mail_after__gt=at, mail_tries=0)
        waiting.update(mail_after=at)
    return setting


def _hint() -> None:
    """Tell a worker that mail waits; without a broker the sweep finds it within a minute."""
    # Imported here because the task imports this room.
    from tenants.notifications.tasks import send_mails

    try:
        send_mails.apply_async(retry=False)
    except (KombuError, OSError) as error:
        log.warning("no worker was told of urgent mail: %s", error)


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
