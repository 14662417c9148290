"""Making clients, suspending and resuming them."""

from django.urls import path

from tenants.clients import views

urlpatterns = [
    path("clients/new/", views.client_new, name="client_new"),
    path("clients/<slug:slug>/suspend/", views.client_suspend, name="client_suspend"),
]
