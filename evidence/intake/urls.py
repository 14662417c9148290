"""Sources, what they send, and the ways in."""

from django.urls import path

from evidence.intake import push, views

urlpatterns = [
    path("intake/<slug>", push.push, name="push"),
    path("sources/", views.sources, name="sources"),
    path("sources/connect/", views.connect_source, name="source_connect"),
    path("sources/<slug:slug>/", views.source, name="source"),
    path("sources/<slug:slug>/coverage/", views.coverage, name="coverage"),
    path("sources/<slug:slug>/rejected/", views.rejected, name="rejected"),
    path("sources/<slug:slug>/token/", views.token, name="token"),
    path("sources/<slug:slug>/token/<slug:prefix>/revoke/", views.revoke, name="token_revoke"),
    path("sources/<slug:slug>/upload/", views.upload, name="upload"),
    path("deliveries/<uuid:delivery>/", views.delivery, name="delivery"),
]
