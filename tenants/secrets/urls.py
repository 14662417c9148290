"""The page of signing keys."""

from django.urls import path

from tenants.secrets import views

urlpatterns = [path("signing-keys/", views.signing_keys, name="signing_keys")]
