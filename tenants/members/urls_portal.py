"""The MSSP's people and their assignments."""

from django.urls import path

from tenants.invitations import views as invitations
from tenants.members import people

urlpatterns = [
    path("staff/", people.staff, name="staff"),
    path("staff/invite/", invitations.invite_staff, name="staff_invite"),
    path("staff/assignments/", people.staff_assignments, name="staff_assignments"),
    path("staff/invitations/", invitations.staff_invitations, name="staff_invitations"),
    path(
        "staff/invitations/<uuid:invitation>/again/",
        invitations.send_staff_again,
        name="staff_invitation_again",
    ),
    path(
        "staff/invitations/<uuid:invitation>/revoke/",
        invitations.revoke_staff,
        name="staff_invitation_revoke",
    ),
    path("staff/<int:membership>/", people.staff_member, name="staff_member"),
    path("staff/<int:membership>/role/", people.staff_role, name="staff_role"),
    path("staff/<int:membership>/deactivate/", people.staff_deactivate, name="staff_deactivate"),
    path("staff/<int:membership>/reactivate/", people.staff_reactivate, name="staff_reactivate"),
]
