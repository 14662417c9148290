"""Tokens as the page lists them."""

from django.db.models import QuerySet

from tenants.access.gate import Gate
from tenants.access.policy import depends_on_object
from tenants.apitokens.models import ApiToken
from tenants.clients.models import Client


def tokens_for(gate: Gate, client: Client) -> QuerySet[ApiToken]:
    """Return the client's tokens that a person may see, newest first: all of them, or their own alone."""
    found = ApiToken.objects.filter(client=client).select_related("user", "created_by")
    if depends_on_object(gate.standing, "token.read"):
        found = found.filter(user=getattr(gate.standing.principal, "pk", None))
    return found.order_by("-created_at", "pk")
