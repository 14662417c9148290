"""My work at one client."""

from django.urls import path

from tenants.mywork import views

urlpatterns = [path("work/", views.here, name="mywork")]
