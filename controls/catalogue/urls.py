"""The pages of controls."""

from django.urls import path

from controls.catalogue import views

urlpatterns = [
    path("controls/", views.controls, name="controls"),
    path("controls.csv", views.controls_csv, name="controls_csv"),
    path("controls/<str:control>/", views.control, name="control"),
]
