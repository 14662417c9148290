"""The client's API about packages. A table of contents: one line per room."""

from django.urls import include, path

urlpatterns = [path("", include("reports.packages.api"))]
