"""Asking for an API token."""

from typing import Any

from django import forms

from tenants.apitokens.services import DEFAULT_DAYS, MOST_DAYS
from tenants.members.models import Role


class TokenForm(forms.Form):
    """What the token is for, what it may do, and how long."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="What will use it, such as “nightly export”.",
    )
    role = forms.ChoiceField(label="Role", help_text="It can do at most what you can in this role.")
    source = forms.ChoiceField(
        label="Source", required=False, help_text="One source narrows it to what that source sent."
    )
    writes = forms.BooleanField(
        label="It may change things", required=False, help_text="Without this it reads alone."
    )
    days = forms.IntegerField(
        label="Days until it expires",
        min_value=1,
        max_value=MOST_DAYS,
        initial=DEFAULT_DAYS,
        help_text=f"At most {MOST_DAYS}. You are told 14 and 3 days before.",
    )

    def __init__(self, *args: Any, roles: list[Role], sources: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {"role": [(role.value, role.label) for role in roles], "source": [("", "all"), *sources]}
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = offered
