"""The style guide: every part of the frame with made-up values, in debug only."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.safestring import mark_safe

from tenants.access.declare import public_view

_AT = datetime.datetime(2026, 10, 12, 2, 11, tzinfo=datetime.UTC)
_STATES = ("l1", "l2", "l3", "l4", "heard", "silent", "out")
_STRIP = mark_safe(  # noqa: S308  (made here, of numbers)
    '<svg viewBox="0 0 720 44" role="presentation">'
    + "".join(
        f'<rect x="{n * 8}" y="{44 - (12 + n * 7 % 30)}" width="6" height="{12 + n * 7 % 30}" fill="currentColor"/>'
        for n in range(90)
    )
    + "</svg>"
)


class _Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="As it will print in the package.")
    until = forms.DateField(label="Accept until")
    words = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    severity = forms.ChoiceField(choices=[("c", "Critical"), ("h", "High")])
    file = forms.FileField(label="File", required=False)
    told = forms.BooleanField(label="The client knows", help_text="They are named in the history.")


@public_view("shows made-up values, in debug only")
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component once, and again in its edge cases."""
    form = _Sample({"name": "", "until": "tomorrow-ish"})
    for level, text in (
        (messages.SUCCESS, "The sample was drawn."),
        (messages.WARNING, "Two days were not heard."),
    ):
        messages.add_message(request, level, text)
    context: dict[str, Any] = {
        "tones": [
            ("met", "Met"),
            ("deviation", "Deviations noted"),
            ("attention", "Fixed, retest due"),
            ("unknown", "Unknown"),
            ("none", "Not tested"),
        ],
        "crumbs": [("Controls", "#"), ("Access", "")],
        "figures": [
            {"value": 1204, "label": "population, privileged sign-ins", "tone": "", "href": "#"},
            {"value": 1194, "label": "with MFA", "tone": "met", "href": "#"},
            {"value": 3, "label": "without MFA", "tone": "deviation", "href": "#"},
            {"value": 7, "label": "unknown: field absent", "tone": "unknown", "href": "#"},
            {"value": None, "label": "duties overdue", "tone": "", "href": ""},
        ],
        "columns": [
            {"label": "Id", "key": "id", "priority": 1},
            {"label": "What", "key": "", "priority": 1},
            {"label": "Found", "key": "found", "priority": 2},
            {"label": "Members", "key": "members", "numeric": True, "priority": 3},
            {"label": "State", "key": "", "priority": 1},
        ],
        "rows": [
            {
                "id": "EX-2026-0412",
                "what": "root signed in from 203.0.113.44 without MFA",
                "found": _AT,
                "members": 12044,
                "tone": "deviation",
                "state": "Open, 2 d late",
                "act": True,
            },
            {
                "id": "EX-2026-0398",
                "what": "svc-deploy console sign-in, password only",
                "found": _AT,
                "members": 3,
                "tone": "attention",
                "state": "Fixed, retest due",
                "act": False,
            },
            {
                "id": "EX-2026-0301",
                "what": "a name that is very long: " + "arn:aws:sts::111122223333:assumed-role/" * 3,
                "found": _AT,
                "members": 1,
                "tone": "met",
                "state": "Closed in SLA",
                "act": False,
            },
        ],
        "tabs": [
            {"title": "People", "href": "#", "current": True},
            {"title": "Access log", "href": "#", "current": False},
        ],
        "chips": [
            {"label": "Needs me", "count": 9, "href": "#", "current": True},
            {"label": "All", "count": 1284, "href": "#", "current": False},
            {"label": "Silent source", "count": None, "href": "#", "current": False},
        ],
        "search": {
            "name": "q",
            "value": "",
            "label": "Words of the fact",
            "hidden": [],
            "selects": [
                {"name": "s", "label": "Severity", "value": "", "options": [("", "Any"), ("c", "Critical")]}
            ],
        },
        "saved": {"views": [{"name": "Audit season", "href": "#", "current": True, "default": True}]},
        "bulk": [{"url": "styleguide", "label": "Export as CSV"}],
        "page": Paginator(range(1284), 50).page(3),
        "trend": [3, 5, 4, 8, 9, 6, 7, 12, 9, 4, 8, 10, 11, 6],
        "strip": _STRIP,
        "coverage": [
            {
                "name": name,
                "href": "#",
                "text": "24 of 30 days heard, silent on 6 days",
                "cells": [
                    {"state": _STATES[(n * 3 + row) % len(_STATES)], "title": f"{n} Oct: {n * 31} events"}
                    for n in range(1, 31)
                ],
            }
            for row, name in enumerate(("AWS CloudTrail", "A source with quite a long name"))
        ],
        "form": form,
        "acts": [
            {"at": _AT, "who": "", "what": "Opened by rule R01", "words": "", "tone": "deviation"},
            {
                "at": _AT,
                "who": "Keira Ngata",
                "what": "Triaged: no harm",
                "words": "The account is the emergency one.\nIts use was asked for.",
                "tone": "attention",
            },
            {
                "at": _AT,
                "who": "Rolf Imhof",
                "what": "Retested: no deviation in 25",
                "words": "",
                "tone": "met",
            },
        ],
        "facts": [
            ("Time", "2026-10-12T02:11:00Z"),
            ("Actor", "arn:aws:iam::111122223333:root"),
            ("Session", None),
            ("Batch", "3f2a90ab", "#"),
        ],
        "raw": '{"eventVersion": "1.08", "eventName": "ConsoleLogin", "note": "<script>alert(1)</script>"}',
        "consequences": [
            "The exception is closed and printed so in every later package.",
            "Its ticket is closed too.",
        ],
        "root": "7c1e90ab" + "0" * 52 + "44d0",
        "at": _AT,
    }
    return render(request, "styleguide.html", context)


urlpatterns = [path("styleguide/", styleguide, name="styleguide")]
