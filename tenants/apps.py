"""The `tenants` app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `tenants`."""

    name = "tenants"

    def ready(self) -> None:
        """Register the start-up checks: what declares no action of the policy does not start."""
        from tenants.access import checks  # noqa: F401  (registers by being imported)
