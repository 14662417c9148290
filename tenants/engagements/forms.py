"""What an engagement covers, and who comes."""

from typing import Any, Final

from django import forms

from tenants.engagements.models import Engagement

CATEGORIES: Final = (
    ("CC", "Security (common criteria)"),
    ("A", "Availability"),
    ("C", "Confidentiality"),
    ("PI", "Processing integrity"),
    ("P", "Privacy"),
)


def _date(label: str, help_text: str = "", *, required: bool = False) -> forms.DateField:
    return forms.DateField(
        label=label,
        help_text=help_text,
        required=required,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class EngagementForm(forms.Form):
    """The terms of an engagement."""

    firm = forms.CharField(label="Firm", max_length=120, help_text="The auditor’s firm, as it will print.")
    kind = forms.ChoiceField(
        label="Type", choices=Engagement.Kind.choices, widget=forms.RadioSelect, initial="2"
    )
    as_of = _date("As of", "Type I: the day that is looked at.")
    period_start = _date("Period from", "Type II: the first day.")
    period_end = _date("Period to", "The last day, included.")
    categories = forms.MultipleChoiceField(
        label="Categories",
        choices=CATEGORIES,
        widget=forms.CheckboxSelectMultiple,
        initial=["CC"],
        help_text="Controls that serve none of them do not exist for the auditors.",
        error_messages={"required": "Choose at least one category."},
    )
    access_from = _date("Access from", "The first day on which they may sign in.", required=True)
    access_until = _date("Access until", "The last day, included, in your time zone.", required=True)

    def clean(self) -> dict[str, Any]:
        """Ask for what the type needs, in order, and drop what it does not."""
        given = super().clean() or {}
        if given.get("kind") == Engagement.Kind.TYPE_1:
            given["period_start"] = given["period_end"] = None
            if given.get("as_of") is None and "as_of" not in self.errors:
                self.add_error("as_of", "A Type I engagement needs its day.")
        else:
            given["as_of"] = None
            for name in ("period_start", "period_end"):
                if given.get(name) is None and name not in self.errors:
                    self.add_error(name, "A Type II engagement needs both days of its period.")
        for first, last in (("period_start", "period_end"), ("access_from", "access_until")):
            start, end = given.get(first), given.get(last)
            if start and end and end < start:
                self.add_error(last, "This day lies before the first one.")
        return given


class AuditorForm(forms.Form):
    """One person of the firm."""

    email = forms.EmailField(label="Mail address", max_length=254)
    name = forms.CharField(label="Name", max_length=150)
