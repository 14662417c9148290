"""The `reports` app."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `reports`."""

    name = "reports"

    def ready(self) -> None:
        """Say what people are told of packages."""
        import reports.packages.telling  # noqa: F401  (registers by being imported)
