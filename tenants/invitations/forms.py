"""The forms of inviting and accepting. What a name or an address may be is the service's word."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError

from tenants.clients.names import validate_one_line
from tenants.members.models import Role, User


class InviteForm(forms.Form):
    """Who is invited, and as what."""

    email = forms.CharField(
        label="Mail address",
        max_length=254,
        help_text="The link goes there, and they sign in with it.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(
        label="Name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, roles: tuple[Role, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, role.label) for role in roles]
        self.fields["role"].initial = roles[-1].value


class AcceptForm(forms.Form):
    """What a new person says of themselves: their name, and twice a password."""

    name = forms.CharField(
        label="Your name",
        max_length=150,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password1 = forms.CharField(
        label="Password",
        max_length=128,
        strip=False,
        help_text=password_validators_help_text_html(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label="Password again",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """Judge the password by Django's validators, against name and address."""
        given = super().clean() or {}
        password = given.get("password1")
        if password and "password2" in given and password != given["password2"]:
            self.add_error("password2", "The two passwords differ. Type the same one twice.")
        elif password:
            try:
                validate_password(password, User(email=self.email, full_name=given.get("name", "")))
            except ValidationError as error:
                self.add_error("password1", error)
        return given
