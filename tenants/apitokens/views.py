"""API tokens of a client: which there are, making one, revoking one."""

import datetime
import uuid
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.apitokens.forms import TokenForm
from tenants.apitokens.models import ApiToken
from tenants.apitokens.selectors import tokens_for
from tenants.apitokens.services import TokenRefused, create, revoke, roles_below
from tenants.apitokens.sources import sources
from tenants.members.models import User

PAGE: Final = 50
SOON: Final = datetime.timedelta(days=14)
_COLUMNS: Final = (
    {"label": "Token", "priority": 1},
    {"label": "May", "priority": 2},
    {"label": "Last used", "priority": 3},
    {"label": "Expires", "priority": 2},
    {"label": "State", "priority": 1},
)


@action("token.read")
def api_tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens that the person may see, newest first."""
    gate: Gate = request.access
    named = dict(sources(request.client))
    page = Paginator(tokens_for(gate, request.client), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_row(gate, token, named) for token in gate.only(page.object_list)],
        "columns": _COLUMNS,
        "may_create": gate.could("token.create") and bool(roles_below(gate.standing)),
    }
    return render(request, "tenants/api_tokens.html", context)


def _row(gate: Gate, token: ApiToken, named: dict[str, str]) -> dict[str, Any]:
    if token.revoked_at is not None:
        tone, state = "none", "revoked"
    elif token.expires_at <= gate.at:
        tone, state = "none", "expired"
    elif token.expires_at <= gate.at + SOON:
        tone, state = "attention", "expires soon"
    else:
        tone, state = "met", "valid"
    live = state in ("valid", "expires soon")
    return {
        "token": token,
        "may": "read and change" if token.writes else "read",
        "source": named.get(token.source, token.source) or "all sources",
        "tone": tone,
        "state": state,
        "revoke": reverse("api_token_revoke", args=[token.pk])
        if live and gate.allows(token, "token.revoke")
        else "",
    }


@action(GET="token.create", POST="token.create")
def new(request: HttpRequest) -> HttpResponse:
    """Make a token after a fresh second factor, and show its secret this once."""
    gate: Gate = request.access
    user = gate.standing.principal
    assert isinstance(user, User)
    offered: dict[str, Any] = {"roles": roles_below(gate.standing), "sources": sources(request.client)}
    form = TokenForm(request.POST or None, use_required_attribute=False, **offered)
    context: dict[str, Any] = {"form": form, "crumbs": [("Tokens", reverse("api_tokens"))]}
    if request.method == "POST" and form.is_valid():
        try:
            created = create(user, client=request.client, at=gate.at, **form.cleaned_data)
        except TokenRefused as refused:
            form.add_error(None, str(refused))
        else:
            context |= {"secret": created.secret, "token": created.token}
    answer = render(request, "tenants/api_token_new.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@action("token.read", POST="token.revoke")
def revoke_one(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Ask whether a token shall end at once, and end it."""
    gate: Gate = request.access
    found = get_object_or_404(tokens_for(gate, request.client), pk=token)
    gate.check(found)
    if request.method == "POST":
        user = gate.standing.principal
        assert isinstance(user, User)
        revoke(found, by=user, at=gate.at)
        messages.success(request, f"“{found.name}” is revoked. Whoever shows it is refused from now on.")
        return redirect("api_tokens")
    context = {"token": found, "crumbs": [("Tokens", reverse("api_tokens"))]}
    return render(request, "tenants/api_token_revoke.html", context)
