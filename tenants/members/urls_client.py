"""A client's people, on the first page of its settings."""

from django.urls import path

from tenants.invitations import views as invitations
from tenants.members import people

urlpatterns = [
    path("settings/", people.members, name="members"),
    path("settings/people/invite/", invitations.invite_member, name="member_invite"),
    path("settings/people/invitations/", invitations.member_invitations, name="member_invitations"),
    path(
        "settings/people/invitations/<uuid:invitation>/again/",
        invitations.send_member_again,
        name="member_invitation_again",
    ),
    path(
        "settings/people/invitations/<uuid:invitation>/revoke/",
        invitations.revoke_member,
        name="member_invitation_revoke",
    ),
    path("settings/people/<int:membership>/", people.member, name="member"),
    path("settings/people/<int:membership>/role/", people.member_role, name="member_role"),
    path("settings/people/<int:membership>/deactivate/", people.member_deactivate, name="member_deactivate"),
    path("settings/people/<int:membership>/reactivate/", people.member_reactivate, name="member_reactivate"),
]
