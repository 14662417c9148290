"""A client's own settings."""

from django.urls import path

from tenants.clients import views

urlpatterns = [path("settings/client/", views.client_settings, name="client_settings")]
