"""Break-glass at a client: who was in, and ending it."""

from django.urls import path

from tenants.breakglass import views

urlpatterns = [
    path("settings/break-glass/", views.log, name="breakglass_log"),
    path("settings/break-glass/<uuid:breakglass>/end/", views.end, name="breakglass_end"),
]
