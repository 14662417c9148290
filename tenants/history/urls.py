"""The pages of history."""

from django.urls import path

from tenants.history import views

urlpatterns = [
    path("history/", views.history, name="history"),
    path("history.csv", views.history_csv, name="history_csv"),
]
