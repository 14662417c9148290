"""A client's API tokens, a tab of its settings."""

from django.urls import path

from tenants.apitokens import views

urlpatterns = [
    path("settings/tokens/", views.api_tokens, name="api_tokens"),
    path("settings/tokens/new/", views.new, name="api_token_new"),
    path("settings/tokens/<uuid:token>/revoke/", views.revoke_one, name="api_token_revoke"),
]
