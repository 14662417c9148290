"""Accepting: the same address at the portal and at a client."""

from django.urls import path

from tenants.invitations import views

urlpatterns = [path("invitations/<str:secret>/", views.invitation, name="invitation")]
