"""Mailing what people are to be told: at once, or gathered into one mail a day.

Nothing is mailed but rows with a `mail_after`. Whoever sends looks at those that are due, person by person: under a
lock on the person's setting it decides what each becomes (sent now, put off to the digest, left out) and claims what
it will send by putting its `mail_after` to when it would be tried again. The mail then leaves outside of any
transaction, and what left is marked. So two senders never send the same, and one that dies loses nothing.

A mail says which client, what kind of thing and where to look; never what evidence says. The policy is asked again
for each line: who lost a client since then is told nothing of it.
"""

import datetime
import itertools
import logging
import smtplib
import uuid
import zoneinfo
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, Min

from tenants.access.policy import Standing, judged_some, standing
from tenants.clients.addresses import address_of
from tenants.clients.models import Client
from tenants.members.models import User
from tenants.notifications.digest import next_slot, same_day
from tenants.notifications.kinds import kind_of, kinds
from tenants.notifications.mail import send_mail
from tenants.notifications.models import Notification, NotificationSetting
from tenants.notifications.services import setting_of

log = logging.getLogger(__name__)

_MINUTE: Final = datetime.timedelta(minutes=1)
# How long after a try that failed comes the next; after the last of them sending is given up.
BACKOFF: Final = tuple(minutes * _MINUTE for minutes in (1, 5, 15, 60, 180, 480, 1440))
MOST_TRIES: Final = len(BACKOFF) + 1
# Lines of one client in one mail; the page lists them all.
MOST_LINES: Final = 20

Mail = NotificationSetting.Mail


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that was claimed: its lines, and what the person's setting said of the digest before."""

    user: User
    lines: Sequence[Notification]
    why: str
    is_digest: bool = False
    digested_before: datetime.datetime | None = None

    @property
    def ids(self) -> list[uuid.UUID]:
        """The lines' keys."""
        return [line.pk for line in self.lines]


def send_due(*, at: datetime.datetime) -> int:
    """Send what is due and return how many mails left.

    A mail server that does not answer costs nothing: nothing is claimed, and the next run tries again.
    """
    seen: set[uuid.UUID] = set()
    sent = 0
    with _Post() as post:
        while people := _due_people(at, seen):
            for person in people:
                seen.add(person)
                if not post.open():
                    return sent
                for letter in _claim(person, at):
                    sent += _send(post, letter, at)
    return sent


def _due_people(at: datetime.datetime, seen: set[uuid.UUID]) -> list[uuid.UUID]:
    found = Notification.objects.filter(mail_after__lte=at, kind__in=[kind.key for kind in kinds()]).exclude(
        user__in=seen
    )
    waiting = found.values("user").annotate(first=Min("mail_after")).order_by("first", "user")
    return [each["user"] for each in waiting[:100]]


# Deciding ───────────────────────────────────────────────────────────────────────────────────────────


def _claim(person: uuid.UUID, at: datetime.datetime) -> list[Letter]:
    """Decide about each due line of a person, and claim those of the mails that are returned."""
    setting_of(person)
    with transaction.atomic():
        setting = (
            NotificationSetting.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("user")
            .filter(pk=person)
            .first()
        )
        if setting is None:
            return []
        due = list(
            Notification.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("client")
            .filter(user=person, mail_after__lte=at, kind__in=[kind.key for kind in kinds()])
            .order_by("created_at", "pk")
        )
        return _letters(setting, _allowed(setting.user, due, at), due, at)


def _letters(
    setting: NotificationSetting,
    allowed: list[Notification],
    due: list[Notification],
    at: datetime.datetime,
) -> list[Letter]:
    """Sort the due lines into mails; leave out those that the person has read or may not know of any more."""
    zone, before = zoneinfo.ZoneInfo(setting.zone), setting.digested_at
    urgent, at_once, digest, later = [], [], [], []
    for line in allowed:
        chosen = setting.mail if setting.mail != Mail.BY_KIND else kind_of(line.kind).mail
        if line.urgent:
            urgent.append(line)
        elif line.read_at is not None or chosen == Mail.OFF:
            continue
        elif chosen == Mail.AT_ONCE:
            at_once.append(line)
        elif next_slot(line.created_at, hour=setting.digest_hour, zone=zone) > at or same_day(
            before, at, zone=zone
        ):
            later.append(line)
        else:
            digest.append(line)
    kept = {line.pk for line in (*urgent, *at_once, *digest, *later)}
    _set([line.pk for line in due if line.pk not in kept], mail_after=None)
    _set([line.pk for line in later], mail_after=next_slot(at, hour=setting.digest_hour, zone=zone))
    letters = []
    if urgent:
        letters.append(Letter(setting.user, urgent, "This cannot wait, so it is mailed whatever is chosen."))
    if at_once:
        letters.append(Letter(setting.user, at_once, "It is mailed at once."))
    if digest:
        setting.digested_at = at
        setting.save(update_fields=["digested_at"])
        letters.append(Letter(setting.user, digest, "One mail a day.", True, before))
    for letter in letters:
        for tries, lines in itertools.groupby(
            sorted(letter.lines, key=lambda line: line.mail_tries), key=lambda line: line.mail_tries
        ):
            again = at + BACKOFF[tries] if tries < len(BACKOFF) else None
            _set([line.pk for line in lines], mail_after=again, mail_tries=F("mail_tries") + 1)
    return letters


def _allowed(user: User, lines: Iterable[Notification], at: datetime.datetime) -> list[Notification]:
    """Return the lines that the policy lets the person know of now."""
    places: dict[uuid.UUID, Standing] = {}
    allowed = []
    for line in lines:
        client = line.client
        if client is None:
            if user.is_active:
                allowed.append(line)
            continue
        if client.pk not in places:
            places[client.pk] = standing(user, client, at=at)
        if judged_some(places[client.pk], kind_of(line.kind).action):
            allowed.append(line)
    return allowed


def _set(keys: list[uuid.UUID], **values: object) -> None:
    if keys:
        Notification.objects.filter(pk__in=keys).update(**values)


# Sending ────────────────────────────────────────────────────────────────────────────────────────────


class _Post:
    """The connection to the mail server, opened when it is needed and again after a failure."""

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None

    def __enter__(self) -> "_Post":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> bool:
        """Be connected, or log why not."""
        if self._connection is not None:
            return True
        connection = django_mail.get_connection()
        try:
            connection.open()
        except (OSError, smtplib.SMTPException) as error:
            log.warning("the mail server cannot be reached, mail waits: %s", _why(error))
            return False
        self._connection = connection
        return True

    def send(self, letter: Letter) -> None:
        """Send one mail, or raise."""
        headers = {"List-Unsubscribe": f"<{settings_address()}>", "Auto-Submitted": "auto-generated"}
        try:
            send_mail(
                letter.user.email,
                subject_of(letter.lines, is_digest=letter.is_digest),
                body_of(letter.lines, letter.why),
                headers=headers,
                connection=self._connection,
            )
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Be connected no more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (OSError, smtplib.SMTPException):
                log.info("the connection to the mail server had ended already")


def _send(post: _Post, letter: Letter, at: datetime.datetime) -> bool:
    """Send a claimed mail and mark its lines; one that fails stays claimed until it is tried again."""
    try:
        if not post.open():
            raise ConnectionError("the mail server cannot be reached any more")
        post.send(letter)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        log.warning("a mail to person %s did not leave: %s", letter.user.pk, _why(error))
        if any(line.mail_tries + 1 >= MOST_TRIES for line in letter.lines):
            log.error("sending a mail to person %s is given up (manage.py mail)", letter.user.pk)
        if letter.is_digest:
            NotificationSetting.objects.filter(pk=letter.user.pk).update(digested_at=letter.digested_before)
        return False
    Notification.objects.filter(pk__in=letter.ids).update(mailed_at=at, mail_after=None)
    return True


def _why(error: Exception) -> str:
    """Say what failed without the words of the server, which may repeat the mail."""
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()


# Words ──────────────────────────────────────────────────────────────────────────────────────────────


def settings_address() -> str:
    """Return the address at which a person chooses how they are mailed."""
    return address_of(None, "notifications/settings/")


def subject_of(lines: Sequence[Notification], *, is_digest: bool) -> str:
    """Name the client and the thing where there is one of each, else say how many."""
    clients = {line.client.name if line.client else "Proofline" for line in lines}
    where = clients.pop() if len(clients) == 1 else "Proofline"
    if len(lines) == 1 and not is_digest:
        return f"{where}: {lines[0].subject}"
    return f"{where}: {len(lines)} notification{'s' * (len(lines) > 1)}"


def body_of(lines: Sequence[Notification], why: str) -> str:
    """Write the lines by client, each with its link, and how to be mailed otherwise."""
    by_client: dict[Client | None, list[Notification]] = {}
    for line in lines:
        by_client.setdefault(line.client, []).append(line)
    parts = []
    for client, told in by_client.items():
        parts.append(" ".join(client.name.split()) if client else "Proofline")
        root = address_of(client)
        for line in told[:MOST_LINES]:
            parts.append(f"\n  {line.subject}")
            parts += [f"  {words}" for words in line.body.splitlines() if words.strip()]
            parts.append(f"  {root}{line.url}")
        if len(told) > MOST_LINES:
            parts.append(f"\n  and {len(told) - MOST_LINES} more: {root}notifications/")
        parts.append("")
    parts.append(f"--\n{why} To be told otherwise: {settings_address()}\n")
    return "\n".join(parts)
