"""The settings of a client's provider."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings

from tenants.identity.models import IdentityProvider


class ProviderForm(forms.Form):
    """Name, issuer, credentials, and what the client vouches for."""

    name = forms.CharField(
        max_length=60, help_text="As your people know it: the sign-in page shows “Sign in with NAME”."
    )
    issuer = forms.CharField(
        max_length=300,
        help_text="The address that the provider calls its issuer, such as https://login.example.com.",
    )
    oidc_client_id = forms.CharField(label="Client id", max_length=200)
    secret = forms.CharField(
        label="Client secret",
        max_length=400,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    second_factor = forms.BooleanField(
        label="The provider asks for a second factor",
        required=False,
        help_text="You vouch for it. Where its token says so (amr or acr), we ask for none of our own.",
    )
    enabled = forms.BooleanField(label="People may sign in by it", required=False, initial=True)

    def __init__(self, *args: Any, provider: IdentityProvider | None, **kwargs: Any) -> None:
        if provider is not None:
            names = ("name", "issuer", "oidc_client_id", "second_factor", "enabled")
            kwargs.setdefault("initial", {each: getattr(provider, each) for each in names})
        super().__init__(*args, **kwargs)
        self.fields["secret"].required = provider is None
        if provider is not None:
            self.fields[
                "secret"
            ].help_text = "Kept encrypted and never shown. Leave it empty to keep the one there is."

    def clean_issuer(self) -> str:
        """Take an HTTPS address without a query; the address of the description is cut to the issuer."""
        issuer = str(self.cleaned_data["issuer"]).partition("/.well-known/")[0]
        try:
            parts = urlsplit(issuer)
            host = parts.hostname
        except ValueError:
            parts, host = urlsplit(""), None
        allowed = {"https", "http"} if settings.IDENTITY_PROVIDERS_ON_LOOPBACK else {"https"}
        if parts.scheme not in allowed or not host or "@" in parts.netloc or parts.query or parts.fragment:
            raise forms.ValidationError("Enter an address like https://login.example.com, without a query.")
        return issuer
