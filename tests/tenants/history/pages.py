"""Views that change a control, to see what history keeps of the request."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from controls.catalogue.models import Control
from tenants.access.declare import action


@action(POST="control.edit")
def changes(request: HttpRequest, **kwargs: str) -> HttpResponse:
    Control.objects.filter(pk="AC-01").update(statement=request.path)
    return HttpResponse("changed")


urlpatterns = [
    path("changes/<str:control>/", changes),
    path("invitations/<str:token>/", changes),
]
