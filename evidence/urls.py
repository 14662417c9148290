"""The client's pages about evidence. A table of contents: one line per room."""

from django.urls import include, path

urlpatterns = [
    path("", include("evidence.intake.urls")),
    path("", include("evidence.batches.urls")),
    path("", include("evidence.events.urls")),
]
