"""What the demo's people do about exceptions, through the same services as the pages, on the story's clock."""

from datetime import datetime, timedelta

from config.demo.people import PORTAL_LOGINS
from controls.exceptions.models import ControlException
from controls.exceptions.services import act
from controls.exceptions.states import LIVE
from tenants.members.models import User

TRIAGED_AFTER = timedelta(hours=3)
FIXED_AFTER = timedelta(hours=20)
RETESTED_AFTER = timedelta(days=7)
# Harbor mends what it finds; its vendor's account waits for the vendor. Larkfield only looks.
WAITING = {"harbor": ("bluepeak-support",), "larkfield": ("",)}
FIX = "A second factor was enrolled and the session ended; the policy now requires one for this group."
SEEN = "Signed in without a second factor after a change of phone."


def act_out(slug: str, *, at: datetime) -> None:
    """Let the client's people act on what is open at the story's time `at`; repeated calls go on from there."""
    people = {login.role: login for login in PORTAL_LOGINS if slug in login.clients}
    users = {role: User.objects.get(email=login.email) for role, login in people.items()}
    for exception in ControlException.objects.filter(state__in=LIVE).order_by("number"):
        _act_on(slug, exception, users, at)


def _act_on(slug: str, exception: ControlException, users: dict[str, User], at: datetime) -> None:
    waiting = any(name in exception.facts for name in WAITING[slug])
    if exception.state == "open" and at - exception.detected >= TRIAGED_AFTER:
        exception = act(
            exception,
            "triage",
            by=users["AN"].pk,
            at=at,
            version=exception.version,
            given={
                "severity": exception.severity,
                "cause": "vendor" if waiting else "person",
                "harm": "none seen",
                "owner": users["CO"].pk,
                "words": SEEN,
            },
        )
    if exception.state == "triaged" and not waiting and at - exception.detected >= FIXED_AFTER:
        fixed = exception.detected + FIXED_AFTER
        exception = act(
            exception,
            "fix",
            by=users["CO"].pk,
            at=at,
            version=exception.version,
            given={"fix": FIX, "fixed_at": fixed},
        )
    if exception.state == "fixed" and exception.fixed_at and at - exception.fixed_at >= RETESTED_AFTER:
        words = "Looked at every later sign-in of this account: each used a second factor."
        exception = act(
            exception,
            "good_retest",
            by=users["AN"].pk,
            at=at,
            version=exception.version,
            given={"words": words},
        )
    if exception.state == "retested":
        act(
            exception,
            "close",
            by=users["CA"].pk,
            at=at,
            version=exception.version,
            given={"words": "Mended in time; the member stays counted."},
        )
