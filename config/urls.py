"""The portal's own host: sign-in and the MSSP's cockpit. A table of contents."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from config import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.cockpit.urls")),
    path("", include("tenants.mywork.urls")),
    path("", include("tenants.savedviews.urls")),
    path("", include("tenants.find.urls")),
    path("", include("tenants.members.urls")),
    path("", include("tenants.secrets.urls")),
    path("", include("tenants.members.urls_portal")),
    path("", include("tenants.invitations.urls")),
    path("", include("tenants.clients.urls_portal")),
    path("api/v1/", include(api.portal)),
    path("", include("tenants.notifications.urls")),
    path("", include("tenants.sessions.urls")),
    path("", include("tenants.breakglass.urls_portal")),
]
if settings.DEBUG:
    urlpatterns += [path("", include("tenants.cockpit.styleguide"))]

handler429 = "tenants.members.limits.too_many"
