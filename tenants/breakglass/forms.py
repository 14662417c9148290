"""Why somebody must look at a client that is not theirs."""

from django import forms

from tenants.breakglass.services import LONGEST_REASON, SHORTEST_REASON


class OpenForm(forms.Form):
    """The reason."""

    reason = forms.CharField(
        label="Reason",
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"At least {SHORTEST_REASON} characters. The client’s administrators read it word for word.",
    )
