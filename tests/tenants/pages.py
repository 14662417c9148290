"""Views that tests put into the client's URL conf, to see what the middleware makes of them."""

from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import include, path, reverse
from django.utils import timezone

from tenants.access.declare import action, own_session, public_view, token_view
from tenants.clients.switch import current_client
from tenants.members.models import User


@action("control.read")
def where(request: HttpRequest) -> HttpResponse:
    """Say where one is: client, script name, a reversed link, the zone, the auditor's period."""
    period = request.access.period
    lines = [
        current_client().slug,
        request.META["SCRIPT_NAME"],
        reverse("where"),
        timezone.get_current_timezone_name(),
        str(period and (period.start, period.end)),
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain")


@action("control.read")
def forgetful(request: HttpRequest) -> HttpResponse:
    return HttpResponse("everything")


@action("source.read")
def forgetful_of_owners(request: HttpRequest) -> HttpResponse:
    return HttpResponse("everything")


@action("control.read")
def away(request: HttpRequest) -> HttpResponse:
    return redirect("where")


@action("package.read")
def packages(request: HttpRequest) -> HttpResponse:
    return HttpResponse("packages")


@action("source.read", POST="intake.upload")
def sources(request: HttpRequest) -> HttpResponse:
    request.access.only([])
    return HttpResponse(request.method)


@action("control.read")
def writes(request: HttpRequest) -> HttpResponse:
    request.access.period  # noqa: B018
    User.objects.filter(pk=request.user.pk).update(full_name="Changed")
    return HttpResponse("written")


@action("control.read")
def loosens(request: HttpRequest) -> HttpResponse:
    request.access.period  # noqa: B018
    with connection.cursor() as cursor:
        cursor.execute("set transaction read write")
        cursor.execute("update tenants_user set full_name = 'Changed'")
    return HttpResponse("written")


@action("control.read")
def streams(request: HttpRequest) -> StreamingHttpResponse:
    request.access.period  # noqa: B018

    def lines():
        for number in range(3):
            with connection.cursor() as cursor:
                cursor.execute(
                    "select current_setting('search_path'), current_setting('transaction_read_only')"
                )
                path_, read_only = cursor.fetchone()
            yield f"{number} {current_client().slug} {path_} {read_only} {reverse('where')}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain")


@action("control.read")
def sends_a_file(request: HttpRequest) -> FileResponse:
    request.access.period  # noqa: B018
    return FileResponse(open(__file__, "rb"), as_attachment=True)  # noqa: PTH123


@action("control.read")
def renders(request: HttpRequest) -> HttpResponse:
    request.access.period  # noqa: B018
    return render(request, "404.html")


@own_session("a test")
def mine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("mine")


@public_view("a test")
def anyone(request: HttpRequest) -> HttpResponse:
    return HttpResponse("anyone")


@token_view("intake.push")
def pushed(request: HttpRequest) -> HttpResponse:
    from tenants.access.tokens import token_refused

    return token_refused()


def undeclared(request: HttpRequest) -> HttpResponseBase:
    return HttpResponse("undeclared")


urlpatterns = [
    path("", where, name="home"),
    path("where/", where, name="where"),
    path("forgetful/", forgetful),
    path("owners/", forgetful_of_owners),
    path("away/", away),
    path("packages/", packages, name="packages"),
    path("sources/", sources, name="sources"),
    path("writes/", writes),
    path("loosens/", loosens),
    path("streams/", streams),
    path("file/", sends_a_file),
    path("renders/", renders),
    path("mine/", mine),
    path("anyone/", anyone),
    path("pushed/", pushed),
    path("undeclared/", undeclared),
    path("", include("tenants.members.urls")),
]
