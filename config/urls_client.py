"""One client, under `/c/SLUG/` or at the root of a host of its own. A table of contents: one line per room."""

from django.urls import URLPattern, URLResolver, include, path

from config import api
from config.admin import site

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.members.urls")),
    path("", include("tenants.members.urls_client")),
    path("", include("tenants.invitations.urls")),
    path("", include("tenants.clients.urls_client")),
    path("", include("tenants.history.urls")),
    path("", include("tenants.mywork.urls_client")),
    path("", include("tenants.savedviews.urls")),
    path("", include("tenants.find.urls")),
    path("", include("tenants.notifications.urls")),
    path("", include("tenants.apitokens.urls")),
    path("", include("tenants.sessions.urls")),
    path("", include("tenants.sessions.urls_client")),
    path("", include("tenants.identity.urls")),
    path("", include("tenants.engagements.urls")),
    path("", include("tenants.breakglass.urls")),
    path("", include("tenants.access.urls")),
    path("", include("controls.home.urls")),
    path("", include("evidence.urls")),
    path("", include("controls.urls")),
    path("", include("reports.urls")),
    path("admin/", site.urls),
    path("api/v1/", include(api.client)),
]
