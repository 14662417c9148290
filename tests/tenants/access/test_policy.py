"""The policy by enumeration: every action, every kind of person, every kind of object."""

import datetime
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from tenants.access import policy
from tenants.access.policy import COLUMNS, POLICY, PORTAL_ACTIONS, SYSTEM, allowed, judged, may_some, standing
from tenants.clients.models import Client
from tenants.members.models import Membership, User
from tests import make

pytestmark = pytest.mark.django_db

TODAY = datetime.datetime.now(datetime.UTC).date()
DAY = datetime.timedelta(days=1)
INSIDE = datetime.date(TODAY.year - 1, 6, 1)
OUTSIDE = datetime.date(TODAY.year - 2, 6, 1)


@dataclass
class Thing:
    """An object of a client, as the policy sees one."""

    owner: uuid.UUID | None = None
    user: uuid.UUID | None = None
    local_date: datetime.date = INSIDE
    status: str = "issued"


@dataclass
class Situation:
    """Somebody, and what holds for them at the client that is asked about."""

    who: User | policy.System
    columns: tuple[str, ...] = ()
    assigned: bool = False
    engaged: bool = False
    known: bool = True
    notes: dict[str, Any] = field(default_factory=dict)


def situations(here: Client, elsewhere: Client) -> dict[str, Situation]:
    gone = make.member("CA", here)
    Membership.objects.filter(user=gone).update(active=False)
    closed = make.member("CA", here)
    closed.is_active = False
    closed.save()
    insider = make.auditor(here)
    Membership.objects.create(user=insider, client=here, role="CA")
    before = (TODAY + DAY, TODAY + 30 * DAY)
    after = (TODAY - 30 * DAY, TODAY - DAY)
    return {
        "MSSP administrator, assigned": Situation(make.member("MA", here), ("MA",), assigned=True),
        "MSSP administrator, elsewhere": Situation(make.member("MA", elsewhere), ("MA",), known=False),
        "MSSP analyst, assigned": Situation(make.member("AN", here), ("AN",), assigned=True),
        "MSSP analyst, elsewhere": Situation(make.member("AN", elsewhere), ("AN",), known=False),
        "client administrator": Situation(make.member("CA", here), ("CA",)),
        "client administrator elsewhere": Situation(make.member("CA", elsewhere), known=False),
        "control owner": Situation(make.member("CO", here), ("CO",)),
        "employee": Situation(make.member("EM", here), ("EM",)),
        "auditor": Situation(make.auditor(here), ("AU",), engaged=True),
        "auditor before the first day of access": Situation(
            make.auditor(here, access=before), ("AU",), known=False
        ),
        "auditor after the last day of access": Situation(
            make.auditor(here, access=after), ("AU",), known=False
        ),
        "auditor of another client": Situation(make.auditor(elsewhere), known=False),
        "auditor who is also a member": Situation(insider, ("AU",), engaged=True),
        "revoked member": Situation(gone, known=False),
        "closed account": Situation(closed, known=False),
        "nobody in particular": Situation(make.person(), known=False),
        "system": Situation(SYSTEM, ("SY",)),
    }


def things(who: User | policy.System) -> dict[str, Thing | None]:
    me = getattr(who, "pk", uuid.uuid4())
    other = uuid.uuid4()
    return {
        "none": None,
        "mine": Thing(owner=me, user=me),
        "another's": Thing(owner=other, user=other),
        "out of the period": Thing(owner=other, user=other, local_date=OUTSIDE),
        "a draft": Thing(owner=other, user=other, status="draft"),
    }


def expected(cell: str, action: str, situation: Situation, kind: str, *, step_up: bool) -> bool:
    """Read one cell of the table the long way."""
    truth = {
        "all": False,
        "asg": situation.assigned,
        "in": situation.assigned,
        "own": kind == "mine",
        "self": kind == "mine",
        "ns": kind not in ("none", "mine"),
        "eng": situation.engaged
        and kind != "out of the period"
        and not (action.startswith("package.") and kind == "a draft"),
        "su": step_up,
        "fn": False,
    }
    if cell == "y":
        return True
    if (
        cell == "all"
    ):  # every client, without content: at a client of one's own it is the assignment that counts
        return situation.assigned
    return all(truth[word] for word in cell.split("+"))


def test_every_cell_of_the_table_says_what_it_says_for_everybody_and_everything() -> None:
    here, elsewhere = make.bare_client("here"), make.bare_client("elsewhere")
    asked, differences = 0, []
    for name, situation in situations(here, elsewhere).items():
        for step_up in (False, True):
            place = standing(situation.who, here, step_up=step_up)
            for action in POLICY:
                for kind, thing in things(situation.who).items():
                    cells = [POLICY[action][c].text for c in situation.columns if c in POLICY[action]]
                    want = situation.known and any(
                        expected(cell, action, situation, kind, step_up=step_up) for cell in cells
                    )
                    asked += 1
                    if judged(place, action, thing) is not want:
                        differences.append((name, action, kind, step_up, want))
    assert differences == []
    print(f"{asked} questions, 0 differences")
    assert asked > 10_000


@pytest.mark.parametrize(
    ("role", "action", "want"),
    [
        # Typed from the specification by hand, so that a slip in the table is seen.
        ("MA", "control.read", True),
        ("MA", "package.build", True),
        ("MA", "exception.accept", False),
        ("MA", "intake.push", False),
        ("AN", "source.connect", True),
        ("AN", "client.create", False),
        ("AN", "package.download", True),
        ("CA", "package.build", True),
        ("CA", "rule.setting", True),
        ("CA", "rule.bench", False),
        ("CA", "cockpit.read", False),
        ("CA", "readlog.read", True),
        ("CO", "control.read", True),
        ("CO", "package.read", False),
        ("CO", "source.connect", False),
        ("CO", "member.read", True),
        ("CO", "readlog.read", False),
        ("EM", "control.read", False),
        ("EM", "event.read", False),
        ("EM", "package.read", False),
        ("AU", "control.read", True),
        ("AU", "event.raw", True),
        ("AU", "package.build", False),
        ("AU", "intake.upload", False),
        ("AU", "member.read", False),
        ("AU", "exception.comment", False),
        ("AU", "population.freeze", False),
    ],
)  # fmt: skip
def test_what_a_role_may_do_at_its_own_client(role: str, action: str, want: bool) -> None:
    here = make.bare_client("here")
    user = make.auditor(here) if role == "AU" else make.member(role, here)
    assert allowed(user, action, here) is want


@pytest.mark.parametrize(
    ("action", "want"),
    [
        ("client.create", True),
        ("intake.push", True),
        ("package.build", True),
        ("checkpoint.make", True),
        ("source.connect", False),
        ("rule.setting", False),
        ("exception.accept", False),
        ("readlog.read", False),
    ],
)
def test_what_the_system_may_do(action: str, want: bool) -> None:
    assert allowed(SYSTEM, action, make.bare_client("here")) is want


def test_an_action_that_the_table_does_not_list_is_a_mistake_and_not_an_answer() -> None:
    with pytest.raises(policy.UnknownActionError, match=r"control\.destroy"):
        allowed(make.person(), "control.destroy", make.bare_client("here"))


def test_without_a_client_only_the_portals_own_actions_are_allowed() -> None:
    analyst = make.member("AN", make.bare_client("here"))
    for action in POLICY:
        if action not in PORTAL_ACTIONS:
            assert not allowed(analyst, action), action
    assert allowed(analyst, "cockpit.read")


def test_an_owner_may_open_a_page_only_to_be_asked_about_each_object() -> None:
    here = make.bare_client("here")
    owner = make.member("CO", here)
    assert may_some(owner, "event.read", here)
    assert not allowed(owner, "event.read", here)
    assert allowed(owner, "event.read", here, Thing(owner=owner.pk))
    assert not allowed(owner, "event.read", here, Thing(owner=uuid.uuid4()))


def test_access_begins_on_its_first_day_and_ends_after_its_last_in_the_clients_zone() -> None:
    here = make.bare_client("here", zone="Pacific/Auckland")
    first, last = datetime.date(2026, 3, 2), datetime.date(2026, 3, 6)
    user = make.auditor(here, access=(first, last))
    zone = here.tzinfo

    def at(day: datetime.date, hour: int) -> bool:
        when = datetime.datetime.combine(day, datetime.time(hour), zone)
        return allowed(user, "control.read", here, at=when)

    assert [at(first - DAY, 23), at(first, 0), at(last, 23), at(last + DAY, 0)] == [False, True, True, False]


def test_the_period_includes_both_its_days_and_what_reaches_into_it() -> None:
    here = make.bare_client("here", zone="America/New_York")
    first, last = datetime.date(2026, 3, 2), datetime.date(2026, 3, 31)
    user = make.auditor(here, period=(first, last))

    @dataclass
    class Moment:
        time: datetime.datetime

    def sees(text: str) -> bool:
        return allowed(user, "event.read", here, Moment(datetime.datetime.fromisoformat(text)))

    assert not sees("2026-03-02T04:59:59+00:00")  # still 1 March there
    assert sees("2026-03-02T05:00:00+00:00")
    assert sees("2026-04-01T03:59:59+00:00")  # still 31 March there, and clocks have changed
    assert not sees("2026-04-01T04:00:00+00:00")

    @dataclass
    class Long:
        occurred_first: datetime.datetime
        occurred_last: datetime.datetime

    utc = datetime.UTC
    long = Long(datetime.datetime(2026, 2, 1, tzinfo=utc), datetime.datetime(2026, 3, 5, tzinfo=utc))
    assert allowed(user, "exception.read", here, long)


def test_a_refusal_says_what_was_refused_and_who_may() -> None:
    here = make.bare_client("here")
    with pytest.raises(
        PermissionDenied, match=r"control owner.*does not include “package: read”.*client administrator"
    ):
        policy.require(make.member("CO", here), "package.read", here)


def test_the_columns_are_the_six_roles_and_the_system() -> None:
    assert COLUMNS == ("MA", "AN", "CA", "CO", "EM", "AU", "SY")
    for action, cells in POLICY.items():
        assert set(cells) <= set(COLUMNS), action
