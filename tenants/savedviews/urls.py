"""Saved views, at the portal and at a client."""

from django.urls import path

from tenants.savedviews import views

urlpatterns = [
    path("saved-views/", views.save, name="saved_view_save"),
    path("saved-views/<int:view>/", views.change, name="saved_view"),
]
