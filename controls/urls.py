"""Table of contents: pages live in the concepts' folders."""

from django.urls import include, path

urlpatterns = [
    path("", include("controls.catalogue.urls")),
    path("", include("controls.results.urls")),
    path("", include("controls.exceptions.urls")),
]
