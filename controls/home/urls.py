"""The client's start page."""

from django.urls import path

from controls.home import views

urlpatterns = [path("", views.home, name="home")]
