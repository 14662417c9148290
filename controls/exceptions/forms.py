"""What a person says with each act on an exception."""

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from controls.exceptions.states import CAUSES, FALSE_CODES, HARMS, SEVERITIES

_LONGEST = 4000


def _choices(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return [("", "Choose…"), *((word, word) for word in words)]


def _text(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=_LONGEST,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ActForm(forms.Form):
    """Every act carries the version of the exception and the last act that its actor saw."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def given(self) -> dict[str, object]:
        """What is handed to the state table."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("version", "seen")}


class TriageForm(ActForm):
    """How grave, why, whose."""

    severity = forms.ChoiceField(label="Severity", choices=_choices(SEVERITIES[::-1]))
    cause = forms.ChoiceField(label="Cause", choices=_choices(CAUSES))
    harm = forms.ChoiceField(
        label="Harm", choices=_choices(HARMS), help_text="Whether anything was done with it."
    )
    owner = forms.ChoiceField(
        label="Owner", required=False, help_text="Who mends it. They cannot retest or close it."
    )
    words = _text("Why it happened", required=False)

    def __init__(self, *args: Any, people: list[tuple[uuid.UUID, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners = [(str(key), name) for key, name in people or []]
        self.fields["owner"].choices = [("", "The control's owner"), *owners]

    def given(self) -> dict[str, object]:
        """The owner as an id, or not at all."""
        given = super().given()
        owner = str(given.pop("owner", "") or "")
        return {**given, "owner": uuid.UUID(owner)} if owner else given


class FixForm(ActForm):
    """What was done, and when."""

    fix = _text("What was done", "It prints in the package. Members stay counted as failures.")
    fixed_at = forms.DateTimeField(
        label="Fixed at",
        help_text="In the client's time; not in the future.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )

    def clean_fixed_at(self) -> datetime:
        """A time in the future is refused here, beside the field."""
        fixed_at: datetime = self.cleaned_data["fixed_at"]
        if fixed_at > timezone.now():
            raise forms.ValidationError("This time is in the future. Say when it was fixed.")
        return fixed_at


class RetestForm(ActForm):
    """Whether it held."""

    verdict = forms.ChoiceField(
        label="What the retest showed",
        choices=[
            ("", "Choose…"),
            ("good_retest", "Good: no later member fails"),
            ("bad_retest", "Bad: it failed again"),
        ],
    )
    words = _text("What was looked at", "Which members or listings, over which days.")

    def given(self) -> dict[str, object]:
        """The verdict is the action itself."""
        given = super().given()
        given.pop("verdict", None)
        return given


class CloseForm(ActForm):
    """The last words."""

    cause = forms.ChoiceField(
        label="Cause",
        choices=_choices(CAUSES[:-1]),
        required=False,
        help_text="Needed where triage left it open.",
    )
    words = _text("Closing words", "Why nothing more is to be done.")


class FalseForm(ActForm):
    """Why it is no deviation, and what was corrected."""

    code = forms.ChoiceField(label="Why it is a false alarm", choices=_choices(FALSE_CODES))
    words = _text(
        "The correction made", "Members that stay failures still count and print, with these words."
    )


class ReopenForm(ActForm):
    """Why it is not over."""

    words = _text("Why it is opened again", "It gets a new clock; the old times are kept.")


class CommentForm(ActForm):
    """A note."""

    words = _text("Comment", "Kept in the history; it changes nothing.")
