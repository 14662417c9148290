"""Engagements of a client."""

from django.urls import path

from tenants.engagements import views

urlpatterns = [
    path("settings/engagements/", views.engagements, name="engagements"),
    path("settings/engagements/new/", views.engagement_new, name="engagement_new"),
    path("settings/engagements/<uuid:engagement>/", views.engagement, name="engagement"),
    path("settings/engagements/<uuid:engagement>/change/", views.engagement_change, name="engagement_change"),
    path("settings/engagements/<uuid:engagement>/close/", views.engagement_close, name="engagement_close"),
    path("settings/engagements/<uuid:engagement>/people/", views.engagement_invite, name="engagement_invite"),
    path(
        "settings/engagements/<uuid:engagement>/invitations/<uuid:invitation>/",
        views.engagement_invitation,
        name="engagement_invitation",
    ),
    path(
        "settings/engagements/<uuid:engagement>/people/<uuid:user>/remove/",
        views.engagement_remove,
        name="engagement_remove",
    ),
]
