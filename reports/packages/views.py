"""Packages: the list, asking for one, watching its build, its result, its bytes, and whether it holds."""

import json
import uuid
import zipfile
from collections import Counter
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from controls.catalogue.models import Control
from controls.results.choosing import span_words
from controls.results.words import Said, title_of
from reports.packages import services
from reports.packages.checking import Checked, check_stored
from reports.packages.document import WORDS
from reports.packages.foreseen import foreseen
from reports.packages.forms import PackageForm, first_guess
from reports.packages.models import Package
from reports.packages.unproven import KINDS
from reports.packages.verify import CannotRun
from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.engagements.models import Engagement
from tenants.members.models import User
from tenants.members.selectors import names_of

PAGE: Final = 25
LINES_SHOWN: Final = 6
STATES: Final = {
    "waiting": Said("attention", "waiting"),
    "building": Said("attention", "building"),
    "built": Said("met", "built"),
    "failed": Said("deviation", "not built"),
    "canceled": Said("none", "given up"),
}
COLUMNS: Final = (
    {"label": "Package", "key": "", "priority": 1},
    {"label": "Status", "key": "", "priority": 2},
    {"label": "Build", "key": "", "priority": 1},
    {"label": "Gap days", "key": "", "numeric": True, "priority": 3},
    {"label": "Size", "key": "", "numeric": True, "priority": 3},
    {"label": "Asked by", "key": "", "priority": 4},
    {"label": "When", "key": "", "priority": 2},
)


def title_of_package(package: Package) -> str:
    """Name a package by type and days."""
    if package.kind == "1":
        return f"Type I, {span_words(package.as_of, package.as_of)}" if package.as_of else "Type I"
    if package.period_start is None or package.period_end is None:
        return "Type II"
    return f"Type II, {span_words(package.period_start, package.period_end)}"


def _size(count: int) -> str:
    if count < 1024 * 1024:
        return f"{max(1, round(count / 1024))} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"


@action("package.read")
def packages(request: HttpRequest) -> HttpResponse:
    """List packages, newest first; an auditor sees those that were issued."""
    gate: Gate = request.access
    found = Package.objects.order_by("-asked_at", "pk")
    if gate.standing.is_auditor:
        found = found.filter(status="issued")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    shown = gate.only(page.object_list)
    people = names_of(each.asked_by for each in shown)
    rows = [
        {
            "package": each,
            "title": title_of_package(each),
            "state": STATES[each.state],
            "size": _size(each.size) if each.state == Package.State.BUILT else "",
            "by": people.get(each.asked_by, "") if each.asked_by else "",
        }
        for each in shown
    ]
    context = {
        "rows": rows,
        "page": page,
        "columns": COLUMNS,
        "auditor": gate.standing.is_auditor,
        **_empty(gate),
    }
    return render(request, "reports/packages.html", context)


def _empty(gate: Gate) -> dict[str, str]:
    if gate.standing.is_auditor:
        return {
            "empty_title": "No package has been issued yet",
            "empty_text": "Drafts are not shown to auditors. Once management issues a package, it is listed here.",
        }
    can = gate.may("package.build")
    return {
        "empty_title": "No package yet",
        "empty_text": "A package holds what was tested over a period or at a date, with everything that proves it. "
        "A draft can be built at any time.",
        "empty_href": reverse("package_new") if can else "",
        "empty_label": "Build a package",
    }


@action(GET="package.build", POST="package.build")
def new(request: HttpRequest) -> HttpResponseBase:
    """Ask for a draft; before that, tell what it would not prove."""
    gate: Gate = request.access
    user = request.user
    assert isinstance(user, User)
    gate.check(Package(asked_by=user.pk))
    guess = first_guess(request.client, request.GET.get("engagement", ""))
    if request.method == "POST":
        form = PackageForm(request.POST, client=request.client)
        if form.is_valid() and request.POST.get("do") == "build":
            package = services.ask(form.asked(), by=user.pk, at=timezone.now())
            return redirect("package", package=package.pk)
    else:
        form = PackageForm(initial=guess, client=request.client)
    asked = _asked(form, guess, request)
    context = {
        "form": form,
        "asked": asked,
        "days": span_words(asked.start, asked.end) if asked else "",
        "foreseen": foreseen(request.client, asked, at=gate.at) if asked else [],
        "engagements": [
            {"label": f"{each}, {_days_of(each)}", "href": f"?{urlencode({'engagement': each.pk})}"}
            for each in form.engagements.values()
        ],
    }
    status = 422 if request.method == "POST" and form.errors else 200
    return render(request, "reports/package_new.html", context, status=status)


def _days_of(engagement: Engagement) -> str:
    if engagement.as_of:
        return span_words(engagement.as_of, engagement.as_of)
    assert engagement.period_start is not None
    assert engagement.period_end is not None
    return span_words(engagement.period_start, engagement.period_end)


def _asked(form: PackageForm, guess: dict[str, object], request: HttpRequest) -> Any:
    """What the form asks for now, or would ask for as it stands; None where it is not filled in well."""
    if form.is_bound:
        return form.asked() if form.is_valid() else None
    data = {name: value for name, value in guess.items() if value}
    checked = PackageForm(data, client=request.client)
    return checked.asked() if checked.is_valid() else None


def _one(request: HttpRequest, key: uuid.UUID) -> Package:
    found = Package.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    request.access.check(found, "package.read")
    return found


@action("package.read")
def package(request: HttpRequest, package: uuid.UUID) -> HttpResponse:
    """Show one package: where its build is, or what came of it."""
    gate: Gate = request.access
    found = _one(request, package)
    running = found.state == Package.State.BUILDING and services.is_running(found)
    may_build = gate.allows(found, "package.build")
    people = names_of([found.asked_by])
    context = {
        "package": found,
        "title": title_of_package(found),
        "state": STATES[found.state],
        "by": people.get(found.asked_by, "") if found.asked_by else "the command line",
        "under_way": found.state in services.UNFINISHED,
        "lost": found.state == Package.State.BUILDING and not running,
        "poll": reverse("package_progress", args=[found.pk]),
        "may_cancel": may_build and found.state in services.UNFINISHED,
        "may_again": may_build and (
            found.state in (Package.State.FAILED, Package.State.CANCELED)
            or (found.state == Package.State.BUILDING and not running)
        ),
    }  # fmt: skip
    if found.state == Package.State.BUILT:
        context |= _result(request, found)
    return render(request, "reports/package.html", context)


def _result(request: HttpRequest, found: Package) -> dict[str, Any]:
    gate: Gate = request.access
    statements = dict(Control.objects.filter(pk__in=found.controls).values_list("pk", "statement"))
    words = Counter(each["result"] for each in found.controls.values())
    dates = _dates(found)
    controls = [
        {
            "id": key,
            "title": title_of(statements.get(key, "")),
            "said": _said(each["result"]),
            "figures": each,
            "tested": bool(each.get("population") or each.get("fail") or each.get("unknown"))
            or each["result"] != "not_tested",
            "href": f"{reverse('control', args=[key])}?{dates}"
            if key in statements and gate.may("control.read")
            else "",
        }
        for key, each in sorted(
            found.controls.items(), key=lambda pair: (_ORDER.get(pair[1]["result"], 9), pair[0])
        )
    ]
    tested = [each for each in controls if each["figures"]["result"] != "not_tested"]
    contents = _contents(found)
    return {
        "controls": tested,
        "not_tested": [each for each in controls if each["figures"]["result"] == "not_tested"],
        "figures": [
            {
                "value": words["deviations"] + words["not_in_place"],
                "label": "controls with deviations" if found.kind == "2" else "controls not in place",
                "tone": "deviation" if words["deviations"] + words["not_in_place"] else "",
                "href": "#controls",
            },
            {
                "value": words["partly_tested"],
                "label": "tested in part",
                "tone": "unknown" if words["partly_tested"] else "",
                "href": "#controls",
            },
            {
                "value": words["no_deviations"] + words["in_place"] + words["did_not_occur"],
                "label": "without deviations, or without an occasion",
                "tone": "met" if words["no_deviations"] + words["in_place"] else "",
                "href": "#controls",
            },
            {"value": words["not_tested"], "label": "not tested", "tone": "", "href": "#not-tested"},
            {
                "value": found.gaps,
                "label": "source-days without anything received",
                "tone": "unknown" if found.gaps else "",
                "href": "#unproven",
            },
        ],
        "unproven": contents.get("unproven"),
        "counts": contents.get("counts"),
        "size": _size(found.size),
        "may_download": gate.allows(found, "package.download"),
        "may_verify": gate.allows(found, "package.verify"),
    }


_ORDER: Final = {word: rank for rank, word in enumerate(
    ("deviations", "not_in_place", "partly_tested", "did_not_occur", "no_deviations", "in_place", "not_tested")
)}  # fmt: skip


def _said(word: str) -> Said:
    state = WORDS.get(word)
    if state is None:
        return Said("none", word)
    short = {
        "partly_tested": "Partly tested",
        "no_deviations": "No deviations noted",
        "did_not_occur": "No occasion",
    }
    return Said(state.condition, short.get(word, state.text))


def _dates(found: Package) -> str:
    start, end = (found.as_of, found.as_of) if found.kind == "1" else (found.period_start, found.period_end)
    return urlencode({"from": start, "to": end})


def _contents(found: Package) -> dict[str, Any]:
    """Read from the stored zip what it does not prove and how much it holds; nothing where it cannot be read."""
    try:
        with default_storage.open(found.object_name, "rb") as stored, zipfile.ZipFile(stored) as bundle:
            figures = json.loads(bundle.read(f"{found.name}/package.json"))
            files = len(bundle.namelist())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}
    kinds = []
    for kind, title in KINDS.items():
        lines = [each["text"] for key, each in figures.items() if key.startswith(f"does_not_prove/{kind}/")]
        whole = figures.get(f"does_not_prove/{kind}", {})
        kinds.append(
            {
                "title": title,
                "count": len(lines),
                "looked_at": whole.get("denominator"),
                "lines": lines[:LINES_SHOWN],
                "more": max(0, len(lines) - LINES_SHOWN),
            }
        )
    return {"unproven": kinds, "counts": {"files": files, "figures": len(figures)}}


@action("package.read")
def progress(request: HttpRequest, package: uuid.UUID) -> HttpResponse:
    """Answer the progress part; once the build has ended, tell the page to load anew."""
    found = _one(request, package)
    if found.state not in services.UNFINISHED:
        ended = HttpResponse()
        ended["HX-Refresh"] = "true"
        return ended
    context = {"package": found, "title": title_of_package(found), "poll": request.path}
    return render(request, "reports/package_progress.html", context)


@action("package.build")
def cancel(request: HttpRequest, package: uuid.UUID) -> HttpResponseBase:
    """Give a build up."""
    found = _acted_on(request, package)
    try:
        services.cancel(found)
        messages.success(request, "The build is given up; nothing of it is kept.")
    except services.CannotAct as refusal:
        messages.warning(request, str(refusal))
    return redirect("package", package=found.pk)


@action("package.build")
def again(request: HttpRequest, package: uuid.UUID) -> HttpResponseBase:
    """Build once more what did not come to an end."""
    found = _acted_on(request, package)
    try:
        services.again(found, at=timezone.now())
    except services.CannotAct as refusal:
        messages.warning(request, str(refusal))
    return redirect("package", package=found.pk)


def _acted_on(request: HttpRequest, key: uuid.UUID) -> Package:
    found = _one(request, key)
    request.access.check(found)
    return found


def _built(request: HttpRequest, key: uuid.UUID) -> Package:
    found = Package.objects.filter(pk=key, state=Package.State.BUILT).first()
    if found is None:
        raise Http404
    request.access.check(found)
    return found


@action("package.download")
def download(request: HttpRequest, package: uuid.UUID) -> HttpResponseBase:
    """Send the zip as it is stored."""
    found = _built(request, package)
    try:
        stored = default_storage.open(found.object_name, "rb")
    except OSError as error:
        raise Http404 from error
    answer = FileResponse(
        stored, as_attachment=True, filename=f"{found.name}.zip", content_type="application/zip"
    )
    answer["X-Content-SHA256"] = found.sha256
    return answer


@action("package.download")
def pdf(request: HttpRequest, package: uuid.UUID) -> HttpResponseBase:
    """Show the package's PDF as it lies in the zip."""
    found = _built(request, package)
    try:
        bundle = zipfile.ZipFile(default_storage.open(found.object_name, "rb"))
        entry = bundle.open(f"{found.name}/package.pdf")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise Http404 from error
    return FileResponse(entry, filename=f"{found.name}.pdf", content_type="application/pdf")


@action("package.verify")
def verify(request: HttpRequest, package: uuid.UUID) -> HttpResponse:
    """Show the page of the checks; they run in its part, or with `?run=1` in the page itself."""
    found = _built(request, package)
    context: dict[str, Any] = {
        "package": found,
        "title": title_of_package(found),
        "poll": reverse("package_findings", args=[found.pk]),
    }
    if request.GET.get("run"):
        context |= _checked(found)
    return render(request, "reports/verify.html", context)


@action("package.verify")
def findings(request: HttpRequest, package: uuid.UUID) -> HttpResponse:
    """Run every check on the stored zip and answer what each found."""
    return render(request, "reports/findings.html", _checked(_built(request, package)))


def _checked(found: Package) -> dict[str, Any]:
    try:
        checked: Checked = check_stored(found)
    except (CannotRun, OSError) as error:
        return {"package": found, "fault": str(error)}
    wrong = [each for each in checked.checks if not each.ok]
    return {
        "package": found,
        "checked": checked,
        "checks": [*wrong, *(each for each in checked.checks if each.ok)],
        "held": sum(bool(each.ok and each.held) for each in checked.checks),
        "wrong": len(wrong),
        "at": timezone.now(),
    }
