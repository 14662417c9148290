"""Batches: what they hold, their bytes."""

from django.urls import path

from evidence.batches import views

urlpatterns = [
    path("sources/<slug:slug>/batches/", views.batches, name="batches"),
    path("batches/<int:batch>/", views.batch, name="batch"),
    path("batches/<int:batch>/raw/", views.raw, name="batch_raw"),
]
