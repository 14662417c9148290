"""Second factors: passkeys beside the authenticator and recovery codes, and the one page that asks for a fresh proof.

allauth's views, with what is ours: whoever needs a second factor keeps one, a passkey is named with the host that it
is bound to, and the fresh proof may be given by any factor.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base.views import ReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy

from tenants.members.models import User
from tenants.members.selectors import SECOND_FACTORS, is_last_needed_factor

View = Callable[..., HttpResponseBase]


def one_at_a_time(view: View) -> View:
    """Let nobody remove two factors at once, each as if the other stayed."""

    @wraps(view)
    def alone(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST" or not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        with transaction.atomic():
            User.objects.select_for_update().get(pk=request.user.pk)
            return view(request, *args, **kwargs)

    return alone


class AddPasskey(AddWebAuthnView):
    """Enrolls a passkey for the host at which one is."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say to which host it will be bound."""
        return super().get_context_data(**kwargs) | {"host": host_here()}


class RenamePasskey(EditWebAuthnView):
    """Gives a passkey another name."""

    success_url = reverse_lazy("mfa_index")


class RemovePasskey(RemoveWebAuthnView):
    """Removes a passkey, unless it is the last factor of somebody who needs one."""

    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say beforehand that the last factor stays."""
        return super().get_context_data(**kwargs) | {"last": is_last_needed_factor(self.object)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it, or show again why not."""
        if is_last_needed_factor(self.object):
            return self.render_to_response(self.get_context_data(form=form), status=409)
        return super().form_valid(form)


class FreshProof(ReauthenticateView):
    """Asks for the second factor once more: by code or by passkey, whatever the person has."""

    def _check_reauthentication_method_available(self, request: HttpRequest) -> HttpResponse | None:
        if Authenticator.objects.filter(user=request.user, type__in=SECOND_FACTORS).exists():
            return None
        messages.info(request, "This asks for a second factor of your own, and you have none yet.")
        return redirect("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the passkey's form where there is a passkey."""
        found = super().get_context_data(**kwargs)
        if Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.WEBAUTHN).exists():
            found["webauthn_form"] = ReauthenticateWebAuthnForm(user=self.request.user)
            found["js_data"] = {"request_options": auth.begin_authentication(self.request.user)}
        return found


class FreshProofByPasskey(ReauthenticateWebAuthnView):
    """Takes what the passkey signed; the form for it is on the page of `FreshProof`."""

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the page that asks."""
        return redirect(self.passthrough_next_url(reverse("mfa_reauthenticate")))

    def form_invalid(self, form: Any) -> HttpResponse:
        """Go back to the page that asks, with the reason."""
        for words in form.errors.get("credential", []):
            get_adapter().add_message(self.request, messages.ERROR, message=words)
        return redirect(self.passthrough_next_url(reverse("mfa_reauthenticate")))


def host_here() -> str:
    """Return the host that passkeys are bound to here, without its port."""
    return str(get_mfa_adapter().get_public_key_credential_rp_entity()["id"])


def on_recovery_code_used(
    sender: Any, request: HttpRequest, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Receive allauth's `authenticator_used`: a recovery code is gone for good, so say how many are left."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        return
    authenticator.refresh_from_db(fields=["data"])
    left = len(authenticator.wrap().get_unused_codes())
    words = {0: "That was your last recovery code", 1: "You used a recovery code; one is left"}
    told = words.get(left, f"You used a recovery code; {left} are left")
    messages.warning(request, f"{told}. Make new ones under “Second factor”.")
