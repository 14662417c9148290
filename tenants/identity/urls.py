"""A client's provider: signing in by it, and its settings."""

from django.urls import path

from tenants.identity import views

sign_in_patterns = [
    path("accounts/provider/", views.sign_in, name="provider_sign_in"),
    path("accounts/provider/back/", views.callback, name="provider_callback"),
]
urlpatterns = [
    *sign_in_patterns,
    path("settings/sign-in/", views.identity, name="identity"),
    path("settings/sign-in/remove/", views.identity_remove, name="identity_remove"),
]
