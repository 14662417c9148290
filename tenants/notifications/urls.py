"""A person's notifications, the same at the portal and at a client."""

from django.urls import path

from tenants.notifications import views

urlpatterns = [
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.read_all, name="notifications_read"),
    path("notifications/<uuid:notification>/open/", views.open_one, name="notification_open"),
    path("notifications/<uuid:notification>/read/", views.read_one, name="notification_read"),
    path("notifications/settings/", views.settings, name="notification_settings"),
]
