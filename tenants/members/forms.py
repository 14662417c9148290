"""allauth's forms in the portal's words."""

import struct
from typing import Any, Final

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.forms import ChangePasswordForm, LoginForm, ResetPasswordForm, ResetPasswordKeyForm
from allauth.core import context, ratelimit
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.http import HttpRequest
from django.urls import get_script_prefix

from tenants.members.changes import CLIENT_ROLES, STAFF_ROLES, seen_of
from tenants.members.models import Membership
from tenants.members.tasks import mail_reset_link


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


class ResetForm(ResetPasswordForm):
    """The address to which the link goes; who has none is told the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "Mail address"
        self.fields["email"].widget.attrs |= {"autofocus": True, "autocomplete": "username"}
        self.fields["email"].widget.attrs.pop("placeholder", None)

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Leave looking somebody up and writing to them to the worker: here, both cases take as long."""
        mail_reset_link.delay(self.cleaned_data["email"], request.build_absolute_uri(get_script_prefix()))
        return str(self.cleaned_data["email"])


class NewPasswordForm(ResetPasswordKeyForm):
    """Twice the new password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (("password1", "New password"), ("password2", "New password again")):
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("placeholder", None)


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


class _CountedCode:
    """Codes are few: besides the limit in minutes there is one in days, until one is right."""

    def clean_code(self) -> str:
        """Count the try, and forget all where it is right."""
        counted = {"action": "second_factor", "key": str(self.user.pk)}
        if not ratelimit.consume(context.request, **counted):
            raise get_account_adapter().validation_error("too_many_login_attempts")
        code: str = super().clean_code()  # type: ignore[misc]
        ratelimit.clear(context.request, **counted)
        return code


class SecondFactorForm(_CountedCode, AuthenticateForm):
    """A code of the authenticator, or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "Code")


class FreshFactorForm(_CountedCode, ReauthenticateForm):
    """The same once more, for an act that asks for a fresh proof."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], "Code")


# What the library raises for an answer that no authenticator gives.
_NO_ANSWER: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)


class AddPasskeyForm(AddWebAuthnForm):
    """A name for the passkey, and what it answered; the host that it is bound to is kept beside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(
            label="Name",
            max_length=60,
            required=False,
            help_text="So that you know it again: the device or the key's color.",
        )

    def clean_credential(self) -> dict[str, Any]:
        """Keep the host with the answer: a page can then say where the passkey works."""
        answer = self.cleaned_data["credential"]
        if not isinstance(answer, dict):
            raise get_adapter().validation_error("incorrect_code")
        return answer | {"host": get_adapter().get_public_key_credential_rp_entity()["id"]}

    def clean(self) -> dict[str, Any]:
        """Refuse what no passkey answers like what another passkey does."""
        try:
            return super().clean()
        except _NO_ANSWER as error:
            raise get_adapter().validation_error("incorrect_code") from error


class _UsePasskey(AuthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        """Refuse what no passkey answers like what another passkey does."""
        try:
            return super().clean_credential()
        except _NO_ANSWER as error:
            raise get_adapter().validation_error("incorrect_code") from error


class PasskeyForm(_UsePasskey):
    """What a passkey answered at signing in."""


class FreshPasskeyForm(_UsePasskey, ReauthenticateWebAuthnForm):
    """The same once more, for an act that asks for a fresh proof."""


class RenamePasskeyForm(EditWebAuthnForm):
    """Another name for a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(label="Name", max_length=60)


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
