"""The `tenants` app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `tenants`."""

    name = "tenants"

    def ready(self) -> None:
        """Register the start-up checks and what can be found, and listen to sign-ins."""
        from allauth.account.signals import password_changed, password_reset, password_set
        from allauth.account.signals import user_logged_in as signed_in
        from allauth.mfa.signals import authenticator_used
        from django.contrib.auth.signals import user_logged_in

        from tenants.access import checks  # noqa: F401  (registers by being imported)
        from tenants.find.places import FINDERS
        from tenants.find.registry import register
        from tenants.identity import oidc
        from tenants.members import factors
        from tenants.sessions import services as sessions

        user_logged_in.connect(sessions.on_signed_in)
        signed_in.connect(oidc.on_signed_in)
        authenticator_used.connect(sessions.on_factor_proved)
        authenticator_used.connect(factors.on_recovery_code_used)
        for changed in (password_changed, password_reset, password_set):
            changed.connect(sessions.on_password_changed)

        for finder in FINDERS:
            register(finder)
