"""The portal's own pages."""

from django.urls import path

from tenants.cockpit import assigning, views

urlpatterns = [
    path("", views.start, name="start"),
    path("clients.csv", views.cockpit_csv, name="cockpit_csv"),
    path("clients/assign/", assigning.assign_many, name="assign_many"),
]
