"""Members in the admin: who has which role. Roles are given and taken on the page of people."""

from tenants.access.admin import PolicyAdmin


class MembershipAdmin(PolicyAdmin):
    """The client's people, as they stand."""

    view_action = "member.read"
    title = "People"
    client_field = "client"
    history_word = "role"
    list_display = ("user", "role", "active", "since")
    list_filter = ("role", "active")
    list_select_related = ("user",)
    search_fields = ("user__full_name", "user__email")
    ordering = ("user__full_name",)
    fields = ("user", "role", "active", "since")
