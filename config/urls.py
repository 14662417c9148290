"""The portal's own host: sign-in and the MSSP's cockpit."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
