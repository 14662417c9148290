"""URLs of endpoints that must not start."""

from django.urls import path

from tenants.access.declare import action
from tenants.api.endpoint import Endpoint


class Undeclared(Endpoint):
    def get(self, request): ...


@action("control.read")
class HalfDeclared(Endpoint):
    def get(self, request): ...

    def delete(self, request): ...


urlpatterns = [path("a/", Undeclared.as_view()), path("b/", HalfDeclared.as_view())]
