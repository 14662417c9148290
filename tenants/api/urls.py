"""The description of the API, at every client and at the portal."""

from django.urls import path

from tenants.api import schema

urlpatterns = [
    path("schema/", schema.schema, name="api_schema"),
    path("docs/", schema.docs, name="api_docs"),
]
