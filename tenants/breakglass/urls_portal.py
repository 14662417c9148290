"""Break-glass at the portal: opening it for a client that is not assigned to one."""

from django.urls import path

from tenants.breakglass import views

urlpatterns = [path("break-glass/<slug:slug>/", views.open_, name="breakglass_open")]
