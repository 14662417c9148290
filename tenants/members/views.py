"""Signing in, and small choices of a person about their own session."""

from typing import Any

from allauth.account.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import get_script_prefix
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from tenants.access.declare import own_session
from tenants.clients.context import THEME_COOKIE, THEMES
from tenants.identity.oidc import provider_of

_YEAR = 365 * 86400


class SignIn(LoginView):
    """Mail address and password; at a client with a provider of its own, the way to it as well."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the client's provider."""
        return super().get_context_data(**kwargs) | {"provider": provider_of(self.request.client)}


class ChangePassword(PasswordChangeView):
    """The current password and a new one; whoever has none asks for a link by mail."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead whoever has no password to the link."""
        if request.user.is_authenticated and not request.user.has_usable_password():
            return redirect("account_reset_password")
        return super().dispatch(request, *args, **kwargs)


@own_session("sets the appearance in the person's own browser")
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep light, dark or the system's own appearance in a cookie, and go back."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = get_script_prefix()
    answer = redirect(back)
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        answer.set_cookie(
            THEME_COOKIE, chosen, max_age=_YEAR, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    else:
        answer.delete_cookie(THEME_COOKIE)
    return answer
