"""allauth's forms in the portal's words."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms

from tenants.members.changes import CLIENT_ROLES, STAFF_ROLES, seen_of
from tenants.members.models import Membership


class SignInForm(LoginForm):
    """Mail address and password; sessions end with the browser, so there is nothing to remember."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("remember", None)
        self.fields["login"].label = "Mail address"
        self.fields["login"].widget.attrs |= {"autofocus": True, "autocomplete": "username"}
        self.fields["login"].widget.attrs.pop("placeholder", None)
        self.fields["password"].label = "Password"
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs |= {"autocomplete": "current-password"}
        self.fields["password"].widget.attrs.pop("placeholder", None)


class PasswordForm(ChangePasswordForm):
    """The current password and twice the new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (
            ("oldpassword", "Current password"),
            ("password1", "New password"),
            ("password2", "New password again"),
        ):
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("placeholder", None)


def _code(field: forms.Field, label: str) -> None:
    field.label = label
    field.widget.attrs |= {
        "class": "code-input",
        "inputmode": "text",
        "autocomplete": "one-time-code",
        "autofocus": True,
    }
    field.widget.attrs.pop("placeholder", None)


class SecondFactorForm(AuthenticateForm):
    """A code of the authenticator, or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "Code")


class EnrollForm(ActivateTOTPForm):
    """The first code, which proves that the authenticator was set up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "Code that it shows now")


class RoleForm(forms.Form):
    """The role of one membership, and how it was when the form was shown."""

    role = forms.ChoiceField(label="Role")
    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *, membership: Membership, role: str) -> None:
        super().__init__(initial={"role": role, "seen": seen_of(membership)})
        roles = STAFF_ROLES if membership.client_id is None else CLIENT_ROLES
        self.fields["role"].choices = [(each.value, each.label) for each in roles]
