"""My work over all clients, at the portal."""

from django.urls import path

from tenants.mywork import views

urlpatterns = [path("work/", views.over_clients, name="mywork")]
