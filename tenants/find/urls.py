"""Find, at the portal and at a client."""

from django.urls import path

from tenants.find import views

urlpatterns = [path("find/", views.find_page, name="find")]
