"""The wiring app: what runs when."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    """Wires what the four apps must not import from each other."""

    name = "config"
    label = "config"

    def ready(self) -> None:
        """Have the Celery app; keep beat's entries in step with this release, once beat's tables are migrated."""
        import config.celery  # noqa: F401  (web and commands send through this app)
        from config.schedules import ensure_schedules

        beat = apps.get_app_config("django_celery_beat")
        post_migrate.connect(ensure_schedules, sender=beat, dispatch_uid="config.schedules")
