"""The `tenants` app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `tenants`."""

    name = "tenants"

    def ready(self) -> None:
        """Register the start-up checks (what declares no action of the policy does not start) and what can be found."""
        from tenants.access import checks  # noqa: F401  (registers by being imported)
        from tenants.find.places import FINDERS
        from tenants.find.registry import register

        for finder in FINDERS:
            register(finder)
