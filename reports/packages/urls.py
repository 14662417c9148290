"""The pages of packages."""

from django.urls import path

from reports.packages import views

urlpatterns = [
    path("packages/", views.packages, name="packages"),
    path("packages/new/", views.new, name="package_new"),
    path("packages/<uuid:package>/", views.package, name="package"),
    path("packages/<uuid:package>/progress/", views.progress, name="package_progress"),
    path("packages/<uuid:package>/cancel/", views.cancel, name="package_cancel"),
    path("packages/<uuid:package>/again/", views.again, name="package_again"),
    path("packages/<uuid:package>/download/", views.download, name="package_download"),
    path("packages/<uuid:package>/pdf/", views.pdf, name="package_pdf"),
    path("packages/<uuid:package>/verify/", views.verify, name="package_verify"),
    path("packages/<uuid:package>/verify/findings/", views.findings, name="package_findings"),
]
