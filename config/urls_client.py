"""One client, under `/c/SLUG/` or at the root of a host of its own."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
