"""Find: a page that works by itself, and the part of it that the dialog asks for while somebody types."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.find.asking import LONGEST, SHORTEST, find, words_of


@action("find.read")
def find_page(request: HttpRequest) -> HttpResponse:
    """Show what was found of the words in `q`, within what the person may see here."""
    gate: Gate = request.access
    gate.check(gate.standing.principal)
    text = request.GET.get("q", "").replace("\x00", "")[:LONGEST]
    groups = find(gate, text)
    context = {
        "q": text,
        "groups": groups,
        "count": sum(len(group.found) for group in groups),
        "asked": bool(words_of(text)),
        "shortest": SHORTEST,
    }
    part = request.headers.get("HX-Request") == "true"
    answer = render(request, "tenants/found.html" if part else "tenants/find.html", context)
    answer["Cache-Control"] = "no-store"
    answer["Vary"] = "HX-Request, Cookie"
    return answer
