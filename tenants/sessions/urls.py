"""One's own sessions, at the portal and at a client."""

from django.urls import path

from tenants.sessions import views

urlpatterns = [
    path("accounts/sessions/", views.sessions, name="sessions"),
    path("accounts/sessions/others/", views.revoke_others, name="sessions_revoke_others"),
    path("accounts/sessions/<int:pk>/", views.revoke, name="session_revoke"),
]
