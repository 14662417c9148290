"""One server or many: nothing has a default that would be unsafe beyond loopback."""

from config.settings.base import *  # noqa: F403
from config.settings.base import env

SECRET_KEY = env.str("PROOFLINE_SECRET_KEY")
PROOFLINE_MASTER_KEYS = env.list("PROOFLINE_MASTER_KEY")
DATABASES["default"] |= env.db("DATABASE_URL") | {"ENGINE": "tenants.database.backend"}  # noqa: F405
PORTAL_HOSTS = env.list("PROOFLINE_HOSTS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31536000
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
vars().update(env.email("EMAIL_URL", default="smtp://127.0.0.1:25"))
