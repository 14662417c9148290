"""The people of a client, read."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers

from tenants.access.declare import action
from tenants.api.endpoint import Listing, Page
from tenants.api.fields import Told
from tenants.members.models import Membership, Role


class MemberTold(Told):
    """A person's role at the client."""

    user = serializers.UUIDField(source="user_id")
    name = serializers.CharField(source="user.full_name")
    email = serializers.EmailField(source="user.email")

    class Meta:
        model = Membership
        fields = ("id", "user", "name", "email", "role", "active", "since")


class MembersAsked(Page):
    """Which people."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    active = serializers.BooleanField(required=False, allow_null=True, default=None)


@action("member.read")
class Members(Listing):
    """List the people who belong to the client, with their roles."""

    names = {"GET": "list_members"}
    gives = MemberTold
    query = MembersAsked
    orders = {"id": ("id",)}
    filters = {"role": "role", "active": "active"}

    def found(self) -> QuerySet[Any]:
        """Return the memberships of the client."""
        return Membership.objects.filter(client=self.client).select_related("user")


urlpatterns = [path("members/", Members.as_view(), name="api_members")]
