"""At a client, for its administrators: the sessions of its people."""

from django.urls import path

from tenants.sessions import views

urlpatterns = [
    path("accounts/sessions/people/<int:pk>/", views.revoke_of_member, name="member_session_revoke"),
]
