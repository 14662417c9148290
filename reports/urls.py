"""Table of contents: pages live in the concepts' folders."""

from django.urls import include, path

urlpatterns = [
    path("", include("reports.packages.urls")),
]
