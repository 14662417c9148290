"""The `tenants` app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `tenants`."""

    name = "tenants"
