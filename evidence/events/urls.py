"""Events: the list, one event, its bytes."""

from django.urls import path

from evidence.events import views

urlpatterns = [
    path("events/", views.events, name="events"),
    path("events.csv", views.events_csv, name="events_csv"),
    path("events/<int:batch>/<int:seq>/", views.event, name="event"),
    path("events/<int:batch>/<int:seq>/raw/", views.raw, name="event_raw"),
    path("events/<int:batch>/<int:seq>/proof/", views.proof, name="event_proof"),
]
