"""What a package is asked to be."""

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone

from reports.packages.build import Asked
from tenants.clients.models import Client
from tenants.clients.period import Period
from tenants.engagements.models import Engagement

LONGEST: Final = 3 * 366


class DayField(forms.DateField):
    """A day that one of the two types needs: whether it is missing is told by the form, which knows the type."""

    def validate(self, value: Any) -> None:
        """An empty day is no fault by itself."""


def _date(label: str, help_text: str = "") -> forms.DateField:
    return DayField(
        label=label,
        help_text=help_text,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class PackageForm(forms.Form):
    """A type, and its date or its period."""

    use_required_attribute = False

    kind = forms.ChoiceField(
        label="Type",
        choices=[("2", "Type II: a period, with operation"), ("1", "Type I: one date, design and state")],
    )
    as_of = _date("Date of a Type I", "The state on this day.")
    period_start = _date("First day of a Type II")
    period_end = _date("Last day of a Type II", "Both days are included.")
    engagement = forms.ChoiceField(label="Engagement", required=False, help_text="A draft needs none.")

    def __init__(self, *args: Any, client: Client, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = client
        self.engagements = {str(each.pk): each for each in Engagement.objects.filter(client=client)}
        self.fields["engagement"].choices = [
            ("", "None"),
            *((pk, str(each)) for pk, each in self.engagements.items()),
        ]

    def clean(self) -> dict[str, Any]:
        """A Type I has a date, a Type II a period that has begun; each fault stands beside its field."""
        cleaned: dict[str, Any] = super().clean() or {}
        today = timezone.localdate(timezone=self.client.tzinfo)
        if cleaned.get("kind") == "1":
            self._a_date(cleaned.get("as_of"), today)
        elif cleaned.get("kind") == "2":
            self._a_period(cleaned.get("period_start"), cleaned.get("period_end"), today)
        return cleaned

    def _a_date(self, as_of: date | None, today: date) -> None:
        if as_of is None and "as_of" not in self.errors:
            self.add_error("as_of", "A Type I needs its date.")
        elif as_of is not None and as_of > today:
            self.add_error("as_of", "This day is yet to come. Choose today or a day before.")

    def _a_period(self, start: date | None, end: date | None, today: date) -> None:
        for name, value in (("period_start", start), ("period_end", end)):
            if value is None and name not in self.errors:
                self.add_error(name, "A Type II needs its first and its last day.")
        if start is None or end is None:
            return
        if end < start:
            self.add_error("period_end", "The period ends before it begins.")
        elif start > today:
            self.add_error("period_start", "This period has not begun yet.")
        elif (end - start).days >= LONGEST:
            self.add_error("period_end", "A period of more than three years is not packaged at once.")

    def asked(self) -> Asked:
        """Return what was asked for, of a valid form."""
        given = self.cleaned_data
        found = self.engagements.get(given["engagement"])
        engagement = found.pk if found else None
        if given["kind"] == "1":
            return Asked.type_1(given["as_of"], engagement)
        return Asked.type_2(
            Period(given["period_start"], given["period_end"], self.client.tzinfo), engagement
        )


def _last_day(engagement: Engagement) -> date:
    return engagement.period_end or engagement.as_of or engagement.access_until


def first_guess(client: Client, chosen: str = "") -> dict[str, object]:
    """Return what to begin from: the engagement named, else the newest, else the last three months."""
    today = timezone.localdate(timezone=client.tzinfo)
    found = sorted(Engagement.objects.filter(client=client), key=_last_day, reverse=True)
    named = next((each for each in found if str(each.pk) == chosen), found[0] if found else None)
    if named is None:
        return {
            "kind": "2",
            "period_start": today - timedelta(days=91),
            "period_end": today - timedelta(days=1),
        }
    return {
        "kind": named.kind,
        "as_of": named.as_of,
        "period_start": named.period_start,
        "period_end": named.period_end,
        "engagement": str(named.pk),
    }
