"""A person's own names for what they look at again and again."""

from django.db import models


class SavedView(models.Model):
    """A person's own name for a page with its filters and order: `query` is the address's query string."""

    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=40)
    client = models.ForeignKey(
        "tenants.Client", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500, default="", blank=True)
    # What the page shows when it is opened without a filter.
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "user", "page", "client", "name", name="saved_view_once", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["user", "page", "client"],
                condition=models.Q(is_default=True),
                name="saved_view_one_default",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return self.name
