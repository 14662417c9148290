"""The API: below `/api/v1/` of the portal, and of each client. A table of contents."""

from django.urls import URLPattern, URLResolver, include, path

portal: list[URLPattern | URLResolver] = [
    path("", include("tenants.cockpit.api")),
    path("", include("tenants.api.urls")),
]
client: list[URLPattern | URLResolver] = [
    path("", include("tenants.members.api")),
    path("", include("tenants.engagements.api")),
    path("", include("evidence.api")),
    path("", include("controls.api")),
    path("", include("reports.api")),
    path("", include("tenants.api.urls")),
]
