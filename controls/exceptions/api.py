"""Exceptions: the list, one with its history, and every act that its states allow."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controls.exceptions.acting import ACTS, COMMENT, Act, could_own, refused
from controls.exceptions.listing import late, repeated, visible
from controls.exceptions.models import ControlException, ExceptionAct
from controls.exceptions.parties import owned_controls
from controls.exceptions.services import Changed, Refused, act, comment
from controls.exceptions.states import CAUSES, FALSE_CODES, HARMS, LIVE, SEVERITIES
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Listing, Page, ordered
from tenants.api.fields import Given, Instant, Told
from tenants.api.problems import Problem

_LONGEST = 4000


class ExceptionTold(Told):
    """What went wrong, once, with its clocks. `version` is sent back with every act."""

    severity = serializers.ChoiceField(choices=SEVERITIES)
    recurs = serializers.SerializerMethodField()

    class Meta:
        model = ControlException
        fields = (
            "number", "version", "state", "severity", "facts", "control", "further_controls", "criteria", "rule",
            "rule_version", "occurred_first", "occurred_last", "detected", "opened", "triage_due", "fix_due", "owner",
            "cause", "cause_words", "harm", "fix", "fixed_at", "fixed_by", "retested_at", "closed_at",
            "accepted_until", "accepted_by", "recurs",
        )  # fmt: skip

    def get_recurs(self, exception: ControlException) -> str | None:
        """Return the number of the exception that it repeats."""
        return repeated(self.context["view"].gate, exception) or None


class ActTold(Told):
    """One act or note."""

    class Meta:
        model = ExceptionAct
        fields = ("id", "at", "by", "action", "state_before", "state_after", "words", "way", "ledger_seq")


_ORDERS = {
    "-opened": ("-opened", "-number"),
    "opened": ("opened", "number"),
    "fix_due": ("fix_due", "number"),
    "-fix_due": ("-fix_due", "-number"),
    "number": ("number",),
}


class ExceptionsAsked(Page):
    """Which exceptions."""

    state = serializers.ChoiceField(choices=ControlException.State.choices, required=False)
    live = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="Not ended.")
    late = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Past its due time."
    )
    severity = serializers.ChoiceField(choices=SEVERITIES, required=False)
    control = serializers.CharField(required=False, max_length=12)
    rule = serializers.CharField(required=False, max_length=40)
    owner = serializers.UUIDField(required=False)
    since = Instant(required=False, help_text="Opened at or after this instant.")
    until = Instant(required=False, help_text="Opened before this instant.")
    order = ordered(_ORDERS)


@action("exception.read")
class Exceptions(Listing):
    """List exceptions."""

    names = {"GET": "list_exceptions"}
    gives = ExceptionTold
    query = ExceptionsAsked
    orders = _ORDERS
    filters = {
        "state": "state", "severity": "severity", "rule": "rule", "owner": "owner", "since": "opened__gte",
        "until": "opened__lt",
    }  # fmt: skip

    def found(self) -> QuerySet[Any]:
        """Return the exceptions that the person may see."""
        asked = self.asked
        found = visible(self.gate).select_related("recurs")
        for name, condition in (("live", Q(state__in=LIVE)), ("late", late(self.gate.at))):
            if asked[name] is not None:
                found = found.filter(condition if asked[name] else ~condition)
        if asked.get("control"):
            found = found.filter(
                Q(control=asked["control"]) | Q(further_controls__contains=[asked["control"]])
            )
        return found

    def shown(self, rows: list[Any]) -> list[Any]:
        """Return those of a page that may be seen, their controls' owners read at once."""
        owned = owned_controls(each.control for each in rows)
        for each in rows:
            each.control_owner = owned.get(each.control)
        return self.gate.only(rows)


@action("exception.read")
class OneException(Endpoint):
    """One exception."""

    names = {"GET": "get_exception"}
    gives = ExceptionTold

    def get(self, request: Request, number: str) -> Response:
        """Show one exception."""
        return self.told(self.one(ControlException.objects.select_related("recurs"), number=number))


class ActsAsked(Page):
    """Which acts."""


@action("exception.read")
class Acts(Listing):
    """List what was done about an exception."""

    names = {"GET": "list_exception_acts"}
    gives = ActTold
    query = ActsAsked
    orders = {"id": ("id",)}

    def found(self) -> QuerySet[Any]:
        """Return the acts of an exception that may be seen."""
        return self.one(ControlException.objects.all(), number=self.kwargs["number"]).acts.all()

    def shown(self, rows: list[Any]) -> list[Any]:
        """Return every act: the exception was asked about."""
        return rows


# Acts ───────────────────────────────────────────────────────────────────────────────────────────────


def _words(*, required: bool = True) -> serializers.CharField:
    return serializers.CharField(max_length=_LONGEST, required=required)


class ActGiven(Given):
    """Every act names the version of the exception that its actor saw."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class TriageGiven(ActGiven):
    """How grave, why, whose."""

    example = {"version": 1, "severity": "high", "cause": "process", "harm": "none seen"}
    severity = serializers.ChoiceField(choices=SEVERITIES)
    cause = serializers.ChoiceField(choices=CAUSES)
    harm = serializers.ChoiceField(choices=HARMS)
    owner = serializers.UUIDField(required=False, help_text="Who mends it; without one the control's owner.")
    words = _words(required=False)


class FixGiven(ActGiven):
    """What was done, and when."""

    example = {"version": 2, "fix": "The factor was enrolled.", "fixed_at": "2026-11-02T09:30:00Z"}
    fix = _words()
    fixed_at = Instant()


class RetestGiven(ActGiven):
    """Whether it held."""

    example = {"version": 3, "verdict": "good_retest", "words": "No later member fails."}
    verdict = serializers.ChoiceField(choices=["good_retest", "bad_retest"])
    words = _words()


class CloseGiven(ActGiven):
    """The last words; the cause where triage left it open."""

    example = {"version": 4, "words": "Nothing more is to be done."}
    cause = serializers.ChoiceField(choices=CAUSES[:-1], required=False)
    words = _words()


class FalseGiven(ActGiven):
    """Why it is no deviation, and what was corrected."""

    example = {"version": 1, "code": "test account", "words": "The account is a test account."}
    code = serializers.ChoiceField(choices=FALSE_CODES)
    words = _words()


class ReopenGiven(ActGiven):
    """Why it is not over."""

    example = {"version": 5, "words": "It failed again."}
    words = _words()


class CommentGiven(Given):
    """A note."""

    example = {"words": "Asked the owner on Monday."}
    words = _words()


class Taken(Endpoint):
    """An act of the state table on one exception; answers the exception as it is then."""

    gives = ExceptionTold
    act: ClassVar[Act]

    def post(self, request: Request, number: str) -> Response:
        """Take the act."""
        given = self.body()
        found = self.one(ControlException.objects.select_related("recurs"), "exception.read", number=number)
        if not self.gate.allows(found, self.act.policy):
            raise Problem(403, refused(self.gate, found, self.act))
        try:
            return self.told(self.take(found, given))
        except Changed as changed:
            raise Problem(409, str(changed)) from changed
        except Refused as refusal:
            raise Problem(422, str(refusal)) from refusal

    def take(self, found: ControlException, given: Mapping[str, Any]) -> ControlException:
        """Hand what was said to the service."""
        said = {name: value for name, value in given.items() if name not in ("version", "verdict")}
        name = given.get("verdict") or self.act.actions[0]
        owner = said.get("owner")
        if owner is not None and owner not in {person for person, _ in could_own(self.client)}:
            raise Problem(422, "The owner is nobody of this client. Choose one of its people.")
        at, by = timezone.now(), self.person.pk
        return act(found, name, by=by, at=at, given=said, version=given["version"], way="api")


@action("exception.triage")
class Triage(Taken):
    """Say how grave an exception is, why it happened, whose it is."""

    names = {"POST": "triage_exception"}
    takes = {"POST": TriageGiven}
    act = ACTS["triage"]


@action("exception.fix")
class Fix(Taken):
    """Say what was done about an exception, and when."""

    names = {"POST": "fix_exception"}
    takes = {"POST": FixGiven}
    act = ACTS["fix"]


@action("exception.retest")
class Retest(Taken):
    """Say whether the fix of an exception held."""

    names = {"POST": "retest_exception"}
    takes = {"POST": RetestGiven}
    act = ACTS["retest"]


@action("exception.close")
class Close(Taken):
    """End an exception."""

    names = {"POST": "close_exception"}
    takes = {"POST": CloseGiven}
    act = ACTS["close"]


@action("exception.call_false")
class CallFalse(Taken):
    """Say that an exception is no deviation."""

    names = {"POST": "call_exception_false"}
    takes = {"POST": FalseGiven}
    act = ACTS["call_false"]


@action("exception.reopen")
class Reopen(Taken):
    """Take up again what had ended."""

    names = {"POST": "reopen_exception"}
    takes = {"POST": ReopenGiven}
    act = ACTS["reopen"]


@action("exception.comment")
class Comment(Taken):
    """Add a note to an exception."""

    names = {"POST": "comment_exception"}
    takes = {"POST": CommentGiven}
    act = COMMENT

    def take(self, found: ControlException, given: Mapping[str, Any]) -> ControlException:
        """Keep the note; the exception stays as it is."""
        comment(found, by=self.person.pk, at=timezone.now(), words=given["words"], way="api")
        return found


urlpatterns = [
    path("exceptions/", Exceptions.as_view(), name="api_exceptions"),
    path("exceptions/<str:number>/", OneException.as_view(), name="api_exception"),
    path("exceptions/<str:number>/acts/", Acts.as_view(), name="api_exception_acts"),
    path("exceptions/<str:number>/triage/", Triage.as_view(), name="api_exception_triage"),
    path("exceptions/<str:number>/fix/", Fix.as_view(), name="api_exception_fix"),
    path("exceptions/<str:number>/retest/", Retest.as_view(), name="api_exception_retest"),
    path("exceptions/<str:number>/close/", Close.as_view(), name="api_exception_close"),
    path("exceptions/<str:number>/call-false/", CallFalse.as_view(), name="api_exception_call_false"),
    path("exceptions/<str:number>/reopen/", Reopen.as_view(), name="api_exception_reopen"),
    path("exceptions/<str:number>/comment/", Comment.as_view(), name="api_exception_comment"),
]
