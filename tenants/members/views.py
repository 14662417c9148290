"""Small choices of a person about their own session."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import get_script_prefix
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from tenants.access.declare import own_session
from tenants.clients.context import THEME_COOKIE, THEMES

_YEAR = 365 * 86400


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
