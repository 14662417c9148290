"""The client's API about evidence. A table of contents: one line per room."""

from django.urls import include, path

urlpatterns = [
    path("", include("evidence.intake.api")),
    path("", include("evidence.coverage.api")),
    path("", include("evidence.batches.api")),
    path("", include("evidence.events.api")),
    path("", include("evidence.inventory.api")),
    path("", include("evidence.ledger.api")),
]
