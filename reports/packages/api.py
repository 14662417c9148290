"""Packages: the list, asking for one, giving up and trying again, the zip, and whether it holds."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reports.packages import services, views
from reports.packages.checking import check_stored
from reports.packages.forms import PackageForm
from reports.packages.models import Package
from reports.packages.verify import CannotRun
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Listing, Page, ordered
from tenants.api.fields import Given, Told
from tenants.api.problems import Problem


class PackageTold(Told):
    """One build of a package: `state` is the build's, `status` the package's."""

    class Meta:
        model = Package
        fields = (
            "id", "kind", "as_of", "period_start", "period_end", "engagement", "version", "status", "state", "step",
            "progress", "reason", "asked_at", "asked_by", "built_at", "name", "sha256", "size", "ledger_size",
            "ledger_root", "controls", "gaps",
        )  # fmt: skip


class PackageGiven(Given):
    """A type, and its date (Type I) or its period (Type II), both days included."""

    example = {"kind": "2", "period_start": "2026-01-01", "period_end": "2026-06-30"}
    kind = serializers.ChoiceField(choices=[("1", "Type I"), ("2", "Type II")])
    as_of = serializers.DateField(required=False)
    period_start = serializers.DateField(required=False)
    period_end = serializers.DateField(required=False)
    engagement = serializers.UUIDField(required=False)


_ORDERS = {"-asked_at": ("-asked_at", "-id"), "asked_at": ("asked_at", "id")}


class PackagesAsked(Page):
    """Which packages."""

    state = serializers.ChoiceField(choices=Package.State.choices, required=False)
    kind = serializers.ChoiceField(choices=["1", "2"], required=False)
    order = ordered(_ORDERS)


@action("package.read", POST="package.build")
class Packages(Listing):
    """List packages; an auditor sees those that were issued."""

    names = {"GET": "list_packages", "POST": "build_package"}
    gives = PackageTold
    takes = {"POST": PackageGiven}
    statuses = {"POST": 202}
    query = PackagesAsked
    orders = _ORDERS
    filters = {"state": "state", "kind": "kind"}

    def found(self) -> QuerySet[Any]:
        """Return every package; for an auditor those that were issued."""
        found = Package.objects.all()
        return found.filter(status="issued") if self.gate.standing.is_auditor else found

    def post(self, request: Request) -> Response:
        """Ask for a draft; a worker builds it, and the package says how far it is."""
        form = PackageForm(self.body(), client=self.client)
        self.must(Package(asked_by=self.person.pk))
        if not form.is_valid():
            raise serializers.ValidationError(
                {name: [str(each) for each in errors] for name, errors in form.errors.items()}
            )
        return self.told(services.ask(form.asked(), by=self.person.pk, at=self.gate.at))


@action("package.read")
class OnePackage(Endpoint):
    """One package."""

    names = {"GET": "get_package"}
    gives = PackageTold

    def get(self, request: Request, package: uuid.UUID) -> Response:
        """Show one package and how far its build is."""
        return self.told(self.one(Package.objects.all(), pk=package))


class Build(Endpoint):
    """An act on a build."""

    gives = PackageTold

    def post(self, request: Request, package: uuid.UUID) -> Response:
        """Act."""
        found = self.one(Package.objects.all(), "package.read", pk=package)
        self.must(found)
        try:
            self.do(found)
        except services.CannotAct as refusal:
            raise Problem(409, str(refusal)) from refusal
        found.refresh_from_db()
        return self.told(found)

    def do(self, found: Package) -> None:
        """Do the act."""
        raise NotImplementedError


@action("package.build")
class Cancel(Build):
    """Give a build up."""

    names = {"POST": "cancel_package"}

    def do(self, found: Package) -> None:
        """Give it up."""
        services.cancel(found)


@action("package.build")
class Again(Build):
    """Build once more what did not come to an end."""

    names = {"POST": "rebuild_package"}

    def do(self, found: Package) -> None:
        """Build it once more."""
        services.again(found, at=self.gate.at)


@action("package.download")
class Download(Endpoint):
    """A package's zip."""

    names = {"GET": "download_package"}
    media_type = "application/zip"

    def get(self, request: Request, package: uuid.UUID) -> HttpResponseBase:
        """Download the zip as it is stored."""
        return views.download(request._request, package)


class CheckTold(serializers.Serializer[Any]):
    """One check of the verifier, by its code."""

    code = serializers.CharField()
    title = serializers.CharField()
    ok = serializers.BooleanField()
    held = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(child=serializers.CharField())
    wrong = serializers.ListField(child=serializers.CharField())


class CheckedTold(serializers.Serializer[Any]):
    """Every check of `verify.py` on the stored zip."""

    ok = serializers.BooleanField()
    summary = serializers.CharField()
    checks = CheckTold(many=True)


@action("package.verify")
class Verify(Endpoint):
    """Whether a package holds."""

    names = {"GET": "verify_package"}
    gives = CheckedTold

    def get(self, request: Request, package: uuid.UUID) -> Response:
        """Run every check of the verifier on the stored zip."""
        found = self.one(Package.objects.filter(state=Package.State.BUILT), pk=package)
        try:
            return self.told(check_stored(found))
        except (CannotRun, OSError) as error:
            raise Problem(410, f"The stored zip cannot be checked: {error}. Tell the operator.") from error


urlpatterns = [
    path("packages/", Packages.as_view(), name="api_packages"),
    path("packages/<uuid:package>/", OnePackage.as_view(), name="api_package"),
    path("packages/<uuid:package>/cancel/", Cancel.as_view(), name="api_package_cancel"),
    path("packages/<uuid:package>/again/", Again.as_view(), name="api_package_again"),
    path("packages/<uuid:package>/download/", Download.as_view(), name="api_package_download"),
    path("packages/<uuid:package>/verify/", Verify.as_view(), name="api_package_verify"),
]
