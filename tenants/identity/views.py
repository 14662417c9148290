"""A client's provider: its settings, and the two addresses of signing in by it."""

from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from tenants.access.declare import action, public_view
from tenants.access.gate import Gate
from tenants.clients.models import Client
from tenants.identity import services
from tenants.identity.discovery import examine
from tenants.identity.fetch import Unreachable
from tenants.identity.forms import ProviderForm
from tenants.identity.models import IdentityProvider
from tenants.identity.oidc import Callback, CodeFlow, link_name, provider_of, refusal
from tenants.members.models import User


@public_view("leads to the identity provider of the client")
@never_cache
@login_not_required
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Lead to the provider of this client."""
    return _walk(request, OAuth2LoginView)


@public_view("takes what the identity provider of the client answered")
@never_cache
@login_not_required
def callback(request: HttpRequest) -> HttpResponseBase:
    """Take the provider's answer, and sign in whom it speaks of."""
    return _walk(request, Callback)


def _walk(request: HttpRequest, view: Any) -> HttpResponseBase:
    found = provider_of(request.client)
    if found is None:
        raise Http404
    try:
        answer: HttpResponseBase = view.adapter_view(CodeFlow(request, link_name(found)))(request)
    except Unreachable as error:
        return refusal(request, f"The provider cannot be used now. {error}")
    return answer


@action("client.settings_read", POST="identity.write")
def identity(request: HttpRequest) -> HttpResponse:
    """Show and set the client's provider; the button “Test” asks it and changes nothing."""
    gate: Gate = request.access
    provider = IdentityProvider.objects.filter(client=request.client).first()
    shown: dict[str, Any] = {"provider": provider, "addresses": _addresses(request)}
    shown["may_write"], shown["could_write"] = gate.may("identity.write"), gate.could("identity.write")
    if request.method != "POST":
        return _page(request, shown, ProviderForm(provider=provider))
    assert isinstance(request.user, User)
    form = ProviderForm(request.POST, provider=provider)
    if "test" in request.POST:
        form.fields["secret"].required = False
    if not form.is_valid():
        return _page(request, shown, form, status=422)
    said = form.cleaned_data
    if "test" in request.POST:
        try:
            shown["good"] = examine(said["issuer"])
        except Unreachable as error:
            shown["wrong"] = str(error)
        return _page(request, shown, form)
    services.set_provider(request.client, **said, by=request.user, at=gate.at)
    messages.success(
        request, f"{said['name']} is set." if said["enabled"] else f"{said['name']} is set and off."
    )
    return redirect("identity")


@action("client.settings_read", POST="identity.write")
def identity_remove(request: HttpRequest) -> HttpResponse:
    """Ask, then take the provider away."""
    provider = get_object_or_404(IdentityProvider, client=request.client)
    if request.method == "POST":
        assert isinstance(request.user, User)
        services.remove_provider(provider, by=request.user, at=request.access.at)
        messages.success(request, f"{provider.name} is removed.")
        return redirect("identity")
    if not request.access.could("identity.write"):
        raise Http404
    return render(request, "tenants/identity/remove.html", {"provider": provider})


def _page(
    request: HttpRequest, shown: dict[str, Any], form: ProviderForm, *, status: int = 200
) -> HttpResponse:
    return render(request, "tenants/identity/identity.html", shown | {"form": form}, status=status)


def _addresses(request: HttpRequest) -> list[str]:
    """Return the addresses that the provider must be told it may send people back to."""
    here: Client = request.client
    below = reverse("provider_callback", urlconf=settings.CLIENT_URLCONF)
    script = request.META["SCRIPT_NAME"]
    path = below.removeprefix(script)
    hosts = [f"{request.scheme}://{each.domain}{path}" for each in here.domains.all()]
    return [f"{settings.PROOFLINE_BASE_URL}/c/{here.slug}{path}", *hosts]
