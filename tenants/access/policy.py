"""The one policy: who may do what, where, under which condition. What is not listed is refused.

`POLICY` is data: `{action: {role: Condition}}`, for the six roles of `tenants.members.models.Role` and `SY`,
the system task. Views, commands and tests ask `allowed`, `may_some` or `require`; nothing else decides.

Words of a condition (joined by `+`, all must hold):

    y     yes                       asg   assigned to this client
    in    assigned, or in live break-glass (reads only)
    own   owner, assignee or reviewer of the object or of its control
    self  about oneself             ns    not requester, author, subject, owner or preparer of the object
    eng   in an engagement: client, access dates, period, categories; packages only once issued
    su    fresh second factor       all   every client, without content
    fn    the function named for the act: refused until functions are recorded

Questions about objects are asked through single dispatch, so that an app to the right can answer for its own
classes without being imported here: `owners_of`, `parties_of`, `subjects_of`, `days_of`, `criteria_of`.
"""

import datetime
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from types import MappingProxyType
from typing import Final

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from tenants.breakglass.models import BreakGlass
from tenants.clients.models import Client
from tenants.clients.period import Period
from tenants.engagements.models import Engagement
from tenants.members.models import MSSP_ROLES, Assignment, Membership, Role, User

SYSTEM_ROLE: Final = "SY"
COLUMNS: Final = (*(role.value for role in Role), SYSTEM_ROLE)
WORDS: Final = frozenset({"all", "asg", "in", "own", "self", "ns", "eng", "su", "fn"})
# Conditions that can only be judged with the object in hand.
OBJECT_WORDS: Final = frozenset({"own", "self", "ns"})
# What a token for one source reaches: actions about a source and its evidence.
SOURCE_CONCEPTS: Final = frozenset(
    {"source", "coverage", "batch", "event", "rejected", "inventory", "intake"}
)


class System:
    """The principal of tasks and of commands without `--as`: the operator's own."""

    def __repr__(self) -> str:
        return "SYSTEM"


SYSTEM: Final = System()


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for one role and action: `words` all together; none at all is an unconditional yes."""

    words: frozenset[str]
    text: str

    @property
    def needs_object(self) -> bool:
        """Whether the answer can differ from object to object within one client."""
        return bool(self.words & OBJECT_WORDS)


# Actions and, in the order of COLUMNS (MA AN CA CO EM AU SY), their conditions.
_ROWS: Final = (
    ("cockpit.read", "all asg - - - - -"),
    ("client.list", "all asg self self self self y"),
    ("client.create", "su - - - - - y"),
    ("client.suspend", "su - - - - - -"),
    ("client.settings_read", "in in y - - - y"),
    ("client.settings_write", "asg - y - - - -"),
    ("member.read", "in in y y self - y"),
    ("member.invite", "asg - y - - - y"),
    ("member.deactivate", "asg - y - - - -"),
    ("member.change_role", "asg+ns - ns - - - -"),
    # The MSSP's own people, who belong to no client.
    ("staff.read", "y - - - - - y"),
    ("staff.invite", "su - - - - - y"),
    ("staff.deactivate staff.change_role", "su+ns - - - - - -"),
    ("assignment.write", "ns+su - - - - - -"),
    ("intake.push intake.pull checkpoint.make", "- - - - - - y"),
    ("breakglass.open", "su su - - - - -"),
    ("breakglass.end", "self self y - - - -"),
    ("breakglass.read history.read", "in in y - - - -"),
    # The admin site as such; what is seen and changed in it has its own actions.
    ("admin.read", "in in y y - - -"),
    ("readlog.read", "in in y - - self -"),
    ("session.read session.revoke", "self self y self self self -"),
    ("token.read token.revoke", "asg asg y self - self -"),
    ("token.create", "asg+su asg+su su - - - -"),
    ("identity.write", "- - su - - - -"),
    ("key.read", "y - - - - - y"),
    ("key.rotate", "su - - - - - y"),
    ("engagement.read", "in in y - - eng y"),
    ("engagement.create engagement.change", "- - su - - - -"),
    ("engagement.close", "- - y - - - y"),
    (
        "source.read coverage.read batch.read event.read event.raw rejected.read inventory.read population.read",
        "in in y own - eng y",
    ),
    ("source.connect source.change source.retire", "asg asg y - - - -"),
    ("source.test", "asg asg y own - - y"),
    ("intake.upload", "asg asg y own - - y"),
    ("rejected.retry", "asg asg y - - - y"),
    ("ledger.read ledger.verify scope.read control.read result.read rule.read", "in in y y - eng y"),
    ("scope.write control.create", "asg asg y - - - -"),
    ("control.edit", "asg asg y own - - -"),
    ("control.assign_owner", "asg asg y - - - -"),
    ("rule.bench", "asg asg - - - - -"),
    ("rule.enable rule.setting", "asg asg y - - - -"),
    ("exception.read", "in in y y own eng y"),
    ("exception.open", "asg asg y own - - y"),
    (
        "exception.triage exception.assign exception.reopen exception.merge exception.call_false",
        "asg asg y fn - - -",
    ),
    ("exception.fix exception.comment", "asg asg y own own - -"),
    ("exception.retest exception.close", "asg+ns asg+ns ns fn+ns - - y"),
    ("exception.ask_acceptance exception.respond", "asg asg y own - - -"),
    ("exception.accept", "- - fn+ns+su fn+ns+su - - -"),
    ("population.freeze", "asg asg y - - - -"),
    ("sample.draw", "asg asg y own - eng y"),
    ("package.read package.download package.verify", "in in y - - eng y"),
    ("package.build", "asg asg y own - - y"),
    (
        "saved_view.write notification.read notification.settings mywork.read find.read",
        "self self self self self self -",
    ),
    ("ops.health", "y y - - - - y"),
    ("ops.rebuild ops.retry", "su - - - - - y"),
)

# Actions that concern no single client: the only ones that may be asked without one.
PORTAL_ACTIONS: Final = frozenset(
    {
        "cockpit.read",
        "client.list",
        "client.create",
        "client.suspend",
        "staff.read",
        "staff.invite",
        "staff.deactivate",
        "staff.change_role",
        "assignment.write",
        "breakglass.open",
        "session.read",
        "session.revoke",
        "saved_view.write",
        "notification.read",
        "notification.settings",
        "mywork.read",
        "find.read",
        "ops.health",
        "key.read",
        "key.rotate",
    }
)

# What concerns the person alone, and ending one's own break-glass: nothing of a client's is read, so nothing is logged.
OF_ONESELF: Final = frozenset(
    {
        "breakglass.end",
        "notification.read",
        "notification.settings",
        "saved_view.write",
        "session.read",
        "session.revoke",
    }
)

# Actions that only show something, besides every `….read`: a view that declares one of them answers GET alone.
_MORE_READS: Final = frozenset(
    {
        "client.list",
        "client.settings_read",
        "event.raw",
        "ledger.verify",
        "package.download",
        "package.verify",
        "ops.health",
    }
)


def _parse(rows: Iterable[tuple[str, str]]) -> dict[str, MappingProxyType[str, Condition]]:
    table: dict[str, MappingProxyType[str, Condition]] = {}
    for actions, conditions in rows:
        texts = conditions.split()
        if len(texts) != len(COLUMNS):
            raise ValueError(f'The policy row "{actions}" has {len(texts)} conditions, not {len(COLUMNS)}.')
        cells = {}
        for role, text in zip(COLUMNS, texts, strict=True):
            if text == "-":
                continue
            words = frozenset() if text == "y" else frozenset(text.split("+"))
            if words - WORDS:
                raise ValueError(f'The policy row "{actions}" has an unknown word: {sorted(words - WORDS)}.')
            cells[role] = Condition(words, text)
        for action in actions.split():
            if action in table:
                raise ValueError(f'The action "{action}" is twice in the policy table.')
            table[action] = MappingProxyType(cells)
    return table


POLICY: Final = MappingProxyType(_parse(_ROWS))


def is_read(action: str) -> bool:
    """Tell whether an action only shows something."""
    return action.endswith(".read") or action in _MORE_READS


class UnknownActionError(LookupError):
    """An action that the policy table does not list: a mistake in the code, never an answer to a person."""

    def __init__(self, action: str) -> None:
        super().__init__(f'"{action}" is no action of the policy table (tenants/access/policy.py).')


# Objects ────────────────────────────────────────────────────────────────────────────────────────────


def _people(obj: object, names: Iterable[str]) -> frozenset[uuid.UUID]:
    found = (getattr(obj, name, None) for name in names)
    return frozenset(getattr(person, "pk", person) for person in found if person is not None)


@singledispatch
def owners_of(obj: object) -> frozenset[uuid.UUID]:
    """Return who owns, is assigned or reviews the object or its control, by user id.

    By default the object's own `owner`, `assignee` and `reviewer`. A class whose owner lies in its control
    registers its own answer with `owners_of.register`.
    """
    return _people(obj, ("owner", "assignee", "reviewer"))


@singledispatch
def parties_of(obj: object) -> frozenset[uuid.UUID]:
    """Return who requested, wrote, is subject of, owns or prepared the object: whom `ns` keeps from judging it."""
    return _people(
        obj,
        ("owner", "requester", "author", "subject", "preparer", "by", "asked_by", "created_by", "fixed_by"),
    )


@parties_of.register
def _(obj: User) -> frozenset[uuid.UUID]:
    return frozenset({obj.pk})


@parties_of.register
def _(obj: Membership) -> frozenset[uuid.UUID]:
    return frozenset({obj.user_id})


@singledispatch
def subjects_of(obj: object) -> frozenset[uuid.UUID]:
    """Return whom the object is about, for `self`: a user, else its `user` or `created_by`."""
    return _people(obj, ("user", "created_by"))


@subjects_of.register
def _(obj: User) -> frozenset[uuid.UUID]:
    return frozenset({obj.pk})


@singledispatch
def days_of(
    obj: object,
) -> tuple[datetime.date | datetime.datetime, datetime.date | datetime.datetime] | None:
    """Return the first and the last day or instant that the object tells of; None for what has no date.

    By default from the fields that the models of this project use for it.
    """
    for first, last in (
        ("period_start", "period_end"),
        ("window_start", "window_end"),
        ("occurred_first", "occurred_last"),
        ("first_event", "last_event"),
        ("local_date", "local_date"),
        ("time", "time"),
        ("as_of", "as_of"),
    ):
        start, end = getattr(obj, first, None), getattr(obj, last, None)
        if isinstance(start, datetime.date) and isinstance(end, datetime.date):
            return start, end
    return None


@singledispatch
def source_of(obj: object) -> str:
    """Return the slug of the source whose evidence an object is; empty for what belongs to none."""
    return ""


@singledispatch
def criteria_of(obj: object) -> frozenset[str] | None:
    """Return the criteria (`CC6.1`) that the object serves; None for what serves none in particular."""
    return None


_CATEGORY: Final = re.compile("[A-Z]+")


def category_of(criterion: str) -> str:
    """Return the category of a criterion, as an engagement names it: `CC6.1` → `CC`, `PI1.2` → `PI`."""
    found = _CATEGORY.match(criterion)
    return found.group() if found else ""


# Standing ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one principal stands at one client (or at the portal, without one) at one instant.

    `roles` are the policy's columns that count here. A person of a live or past engagement at the client is an
    auditor there and nothing else: independence wins over a membership. `engagement` is the live one, if any.
    `breakglass` is the live entry of someone of the MSSP who is not assigned: it lends reads, and nothing else.
    """

    principal: User | System
    client: Client | None
    at: datetime.datetime
    roles: frozenset[str]
    assigned: bool = False
    engagement: Engagement | None = None
    breakglass: BreakGlass | None = None
    step_up: bool = False
    own_clients: frozenset[uuid.UUID] = field(default_factory=frozenset)
    # What a token narrows: to one source by its slug, to reading.
    only_source: str = ""
    writes: bool = True

    @property
    def is_auditor(self) -> bool:
        """Whether requests of this person at this client are an auditor's: read-only and logged."""
        return Role.AUDITOR in self.roles

    @property
    def reads_only(self) -> bool:
        """Whether what this person does at this client runs where the database refuses writes, and is logged."""
        return self.is_auditor or self.breakglass is not None

    @property
    def known(self) -> bool:
        """Whether the client exists for this principal at all; where not, everything answers 404."""
        if isinstance(self.principal, System) or self.client is None:
            return True
        if self.is_auditor:
            return self.engagement is not None
        return self.assigned or self.breakglass is not None or bool(self.roles - MSSP_ROLES)

    @property
    def suspended(self) -> bool:
        """Whether the client is suspended and this person one of its members, to whom nothing is open then."""
        if self.client is None or self.client.suspended_at is None or isinstance(self.principal, System):
            return False
        of_the_mssp = self.breakglass is not None or (self.assigned and bool(self.roles & MSSP_ROLES))
        return not self.is_auditor and not of_the_mssp

    @property
    def period(self) -> Period | None:
        """The client-zone days that an auditor's engagement covers; None for everybody else."""
        if not self.is_auditor or self.engagement is None or self.client is None:
            return None
        engagement = self.engagement
        start = engagement.as_of or engagement.period_start
        end = engagement.as_of or engagement.period_end
        if start is None or end is None:
            return None
        return Period(start, end, self.client.tzinfo)

    def covers(self, criteria: Iterable[str]) -> bool:
        """Tell whether an auditor's engagement covers the category of one of the criteria; others have no bound."""
        if not self.is_auditor:
            return True
        covered = self.engagement.categories if self.engagement is not None else ()
        return any(category_of(each) in covered for each in criteria)


def _live(engagements: Iterable[Engagement], client: Client, at: datetime.datetime) -> Engagement | None:
    today = at.astimezone(client.tzinfo).date()
    live = [
        e
        for e in engagements
        if e.access_from <= today <= e.access_until and not (e.closed_at and e.closed_at <= at)
    ]
    return max(live, key=lambda e: (e.access_until, e.period_end or e.as_of, str(e.pk)), default=None)


def standing(
    principal: User | System,
    client: Client | None,
    *,
    at: datetime.datetime | None = None,
    step_up: bool = False,
) -> Standing:
    """Return where a principal stands at a client, asking `public` at most four times."""
    at = at or timezone.now()
    if isinstance(principal, System):
        return Standing(principal, client, at, frozenset({SYSTEM_ROLE}))
    if not principal.is_active or not principal.is_authenticated:
        return Standing(principal, client, at, frozenset())
    memberships = list(
        Membership.objects.filter(user=principal, active=True).values_list("role", "client_id")
    )
    mssp = frozenset(role for role, client_id in memberships if client_id is None)
    own = frozenset(client_id for _, client_id in memberships if client_id is not None)
    if client is None:
        roles = frozenset(role for role, _ in memberships)
        audited = frozenset(principal.engagements.values_list("client_id", flat=True))
        if audited:
            roles |= {Role.AUDITOR.value}
        return Standing(principal, None, at, roles, step_up=step_up, own_clients=own | audited)
    engagements = list(Engagement.objects.filter(client=client, engagementauditor__user=principal))
    if engagements:
        return Standing(
            principal,
            client,
            at,
            frozenset({Role.AUDITOR.value}),
            engagement=_live(engagements, client, at),
            step_up=step_up,
            own_clients=frozenset({client.pk}),
        )
    here = frozenset(role for role, client_id in memberships if client_id == client.pk)
    assigned = bool(mssp) and Assignment.objects.filter(user=principal, client=client).exists()
    opened = None
    if mssp and not assigned and not here:
        opened = BreakGlass.objects.filter(
            user=principal, client=client, ended_at=None, opened_at__lte=at, expires_at__gt=at
        ).first()
    return Standing(
        principal,
        client,
        at,
        here | mssp,
        assigned=assigned,
        breakglass=opened,
        step_up=step_up,
        own_clients=own,
    )


# Judging ────────────────────────────────────────────────────────────────────────────────────────────


def _within(place: Standing, action: str, obj: object) -> bool:
    if place.engagement is None:
        return False
    if obj is None:
        return True
    if isinstance(obj, Engagement):
        return obj.pk == place.engagement.pk
    if action.startswith("package.") and getattr(obj, "status", None) != "issued":
        return False
    criteria = criteria_of(obj)
    if criteria is not None and not place.covers(criteria):
        return False
    # What was made for one engagement is another's, too, though it be of the same client.
    made_for = getattr(obj, "engagement", None)
    if made_for is not None and getattr(made_for, "pk", made_for) != place.engagement.pk:
        return False
    days = days_of(obj)
    if days is None:
        return True
    period = place.period
    if period is None:
        return False
    first, last = (
        day.astimezone(period.zone).date() if isinstance(day, datetime.datetime) else day for day in days
    )
    if action.startswith("package."):
        # It prints every day that it covers.
        return period.start <= first and last <= period.end
    # What merely reaches into the period (an exception that began before it) is seen; the rest is not.
    return first <= period.end and last >= period.start


def _holds(word: str, place: Standing, action: str, obj: object) -> bool:
    principal = place.principal
    if isinstance(principal, System):
        return False
    if word == "all":
        return place.client is None or place.assigned
    if word == "in" and place.breakglass is not None:
        return is_read(action)
    if word in ("asg", "in"):
        return place.assigned if place.client is not None else action in PORTAL_ACTIONS
    if word == "eng":
        return _within(place, action, obj)
    if word == "su":
        return place.step_up
    if word == "own":
        return obj is not None and principal.pk in owners_of(obj)
    if word == "ns":
        return obj is not None and principal.pk not in parties_of(obj)
    if word == "self":
        if isinstance(obj, Client):
            return obj.pk in place.own_clients
        return obj is not None and principal.pk in subjects_of(obj)
    return False  # fn: nobody's function is recorded yet


def _outside_token(place: Standing, action: str, obj: object = None) -> bool:
    """Whether a token does not reach so far: a write for one that reads, another source, or no source at all."""
    if not place.writes and not is_read(action):
        return True
    if not place.only_source:
        return False
    if action.partition(".")[0] not in SOURCE_CONCEPTS:
        return True
    return obj is not None and source_of(obj) != place.only_source


def _conditions(place: Standing, action: str) -> list[Condition]:
    if action not in POLICY:
        raise UnknownActionError(action)
    if _outside_token(place, action):
        return []
    if place.client is None and action not in PORTAL_ACTIONS and SYSTEM_ROLE not in place.roles:
        return []
    if not place.known or place.suspended:
        return []
    if place.breakglass is not None and not (is_read(action) or action in OF_ONESELF):
        return []
    cells = POLICY[action]
    return [cells[role] for role in COLUMNS if role in place.roles and role in cells]


def judged(place: Standing, action: str, obj: object = None) -> bool:
    """Answer `allowed` for a standing that was looked up before."""
    if _outside_token(place, action, obj):
        return False
    return any(all(_holds(word, place, action, obj) for word in c.words) for c in _conditions(place, action))


def judged_some(place: Standing, action: str) -> bool:
    """Answer `may_some` for a standing that was looked up before."""
    return any(
        all(_holds(word, place, action, None) for word in c.words - OBJECT_WORDS)
        for c in _conditions(place, action)
    )


def depends_on_object(place: Standing, action: str) -> bool:
    """Tell whether only the object decides: a page must then ask for each object that it shows.

    True for `own` and `self` roles, for an auditor, whose period bounds what exists, and for a token of one source.
    """
    conditions = [
        c
        for c in _conditions(place, action)
        if all(_holds(word, place, action, None) for word in c.words - OBJECT_WORDS)
    ]
    return bool(conditions) and (
        bool(place.only_source) or all(c.needs_object or "eng" in c.words for c in conditions)
    )


def allowed(
    user: User | System,
    action: str,
    client: Client | None = None,
    obj: object = None,
    *,
    at: datetime.datetime | None = None,
    step_up: bool = False,
) -> bool:
    """Tell whether `user` may do `action` at `client` to `obj`.

    Without an object the answer is no wherever only the object could decide (`own`, `self`, `ns`): ask `may_some`
    whether a page that will ask for each object may be opened. `at` defaults to now; `step_up` says that the
    second factor was just proven.

    Raises:
        UnknownActionError: the table does not list the action.
    """
    return judged(standing(user, client, at=at, step_up=step_up), action, obj)


def may_some(
    user: User | System,
    action: str,
    client: Client | None = None,
    *,
    at: datetime.datetime | None = None,
    step_up: bool = False,
) -> bool:
    """Tell whether there could be an object at `client` to which `user` may do `action`."""
    return judged_some(standing(user, client, at=at, step_up=step_up), action)


class Refused(PermissionDenied):
    """A refusal in words: what was refused, and who may do it."""

    def __init__(self, place: Standing, action: str) -> None:
        self.action = action
        super().__init__(refusal_words(place, action))


def require(
    user: User | System,
    action: str,
    client: Client | None = None,
    obj: object = None,
    *,
    at: datetime.datetime | None = None,
    step_up: bool = False,
) -> None:
    """Raise `Refused`, with its sentence, where `allowed` says no."""
    place = standing(user, client, at=at, step_up=step_up)
    if not judged(place, action, obj):
        raise Refused(place, action)


def words_of(action: str) -> str:
    """Write an action for a person: `exception.ask_acceptance` → `exception: ask acceptance`."""
    concept, _, verb = action.partition(".")
    return f"{concept}: {verb.replace('_', ' ')}"


def role_words(role: str) -> str:
    """Write a column of the table for a person."""
    return "system" if role == SYSTEM_ROLE else Role(role).label


def _in_a_sentence(role: str) -> str:
    label = Role(role).label
    return label if label.startswith("MSSP") else label.lower()


def refusal_words(place: Standing, action: str) -> str:
    """Say in one or two sentences why an action is refused here and who may do it."""
    if place.suspended:
        return "This client is suspended, so nothing of it is open to its people until the MSSP resumes it."
    if _outside_token(place, action):
        what = (
            f"only reaches the source “{place.only_source}”"
            if place.writes or is_read(action)
            else "only reads"
        )
        return f"“{words_of(action)}” is not open to this token, which {what}. Ask for another one."
    cells: Mapping[str, Condition] = POLICY.get(action, {})
    mine = [role for role in COLUMNS if role in place.roles and role in cells]
    if any("su" in cells[role].words for role in mine) and not place.step_up:
        return f"“{words_of(action)}” asks for a fresh second factor, which only the portal can take."
    others = [_in_a_sentence(r) for r in COLUMNS if r in cells and r not in place.roles and r != SYSTEM_ROLE]
    who = f" It is open to: {', '.join(others)}." if others else ""
    if mine:
        return f"Your role allows “{words_of(action)}” only for what is yours, and this is not.{who}"
    names = [_in_a_sentence(r) for r in COLUMNS if r in place.roles and r != SYSTEM_ROLE]
    if not names:
        return f"You have no role here that includes “{words_of(action)}”.{who}"
    return f"The role “{' and '.join(names)}” does not include “{words_of(action)}”.{who}"
