"""The client's API about controls. A table of contents: one line per room."""

from django.urls import include, path

urlpatterns = [
    path("", include("controls.catalogue.api")),
    path("", include("controls.results.api")),
    path("", include("controls.exceptions.api")),
    path("", include("controls.rules.api")),
]
