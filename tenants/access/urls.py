"""The access log of a client."""

from django.urls import path

from tenants.access import views

urlpatterns = [
    path("settings/access-log/", views.readlog, name="readlog"),
    path("settings/access-log.csv", views.readlog_csv, name="readlog_csv"),
]
