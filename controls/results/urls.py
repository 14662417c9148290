"""The rows behind a control's figures."""

from django.urls import path

from controls.results import views

urlpatterns = [
    path("controls/<str:control>/<str:rule>/members/", views.members, name="members"),
    path("controls/<str:control>/<str:rule>/members.csv", views.members_csv, name="members_csv"),
    path("controls/<str:control>/<str:rule>/days/", views.days, name="days"),
    path("controls/<str:control>/<str:rule>/days.csv", views.days_csv, name="days_csv"),
]
