"""Engagements in the admin: who audits what. They are opened and closed on their page."""

from tenants.access.admin import PolicyAdmin


class EngagementAdmin(PolicyAdmin):
    """The client's audits, as they stand."""

    view_action = "engagement.read"
    client_field = "client"
    history_word = "engagement"
    list_display = (
        "firm",
        "kind",
        "period_start",
        "period_end",
        "as_of",
        "access_from",
        "access_until",
        "closed_at",
    )
    ordering = ("-access_until",)
    fields = (
        "firm", "kind", "as_of", "period_start", "period_end", "access_from", "access_until", "categories", "closed_at",
    )  # fmt: skip
