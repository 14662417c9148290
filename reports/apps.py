"""The `reports` app."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `reports`."""

    name = "reports"
