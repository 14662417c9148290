"""Settings common to every way of running Proofline.

Everything that differs between installations comes from the environment (`docs/operator.md` lists it);
`config.devstack` fills it for the embedded stack.
"""

import tomllib
from pathlib import Path

import environ
from django.templatetags.static import static

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PROOFLINE_VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "version"
]
VAR_DIR = Path(env.str("PROOFLINE_VAR", default=str(BASE_DIR / "var")))

SECRET_KEY = env.str("PROOFLINE_SECRET_KEY", default="")
# Fernet keys, newest first: the first encrypts, all decrypt.
PROOFLINE_MASTER_KEYS = env.list("PROOFLINE_MASTER_KEY", default=[])
PROOFLINE_BASE_URL = env.str("PROOFLINE_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")

DEBUG = False
# Hosts where the portal itself answers. Every other host must be a client's own: `ClientMiddleware`, the first of
# all, answers 404 for the rest, so that Django's own list has nothing left to refuse.
PORTAL_HOSTS = env.list("PROOFLINE_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
ALLOWED_HOSTS = ["*"]

ROOT_URLCONF = "config.urls"
CLIENT_URLCONF = "config.urls_client"
WSGI_APPLICATION = "config.wsgi.application"

# `tenants` is our one shared app; the three others live in client schemas only (django-tenants).
SHARED_APPS = [
    "tenants",
    "django_tenants",
    "pgtrigger",
    "pghistory",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_celery_beat",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
    # The look of the admin, before the admin itself; neither brings a site or classes of its own.
    "unfold.apps.BasicAppConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "config",
]
TENANT_APPS = ["evidence", "controls", "reports"]
INSTALLED_APPS = SHARED_APPS + TENANT_APPS

TENANT_MODEL = "tenants.Client"
TENANT_DOMAIN_MODEL = "tenants.Host"
# pghistory's own table of contexts is not made: a history row holds its context itself.
MIGRATION_MODULES = {"pghistory": None}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
TENANT_LIMIT_SET_CALLS = False  # trusts a remembered path: see docs/decisions.md
AUTH_USER_MODEL = "tenants.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {"default": env.db("DATABASE_URL", default="postgres://proofline@127.0.0.1:1/proofline")}
DATABASES["default"] |= {
    "ENGINE": "tenants.database.backend",
    "CONN_MAX_AGE": 60,
    "ATOMIC_REQUESTS": False,
    "DISABLE_SERVER_SIDE_CURSORS": False,
}
# Who auditors read as (`tenants.database.reader`); an empty password is derived from that of DATABASE_URL.
PROOFLINE_READER_ROLE = env.str("PROOFLINE_READER_ROLE", default="proofline_reader")
PROOFLINE_READER_PASSWORD = env.str("PROOFLINE_READER_PASSWORD", default="")

MIDDLEWARE = [
    "tenants.edge.middleware.Edge",
    "tenants.clients.middleware.ClientMiddleware",
    "tenants.api.middleware.ApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenants.sessions.middleware.SessionLimits",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenants.history.middleware.HistoryMiddleware",
    "tenants.access.middleware.AccessMiddleware",
]

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "tenants.members.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Proofline"
# The browser itself offers passkeys to secure origins only, and `http://localhost` is one.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False
MFA_ADAPTER = "tenants.members.adapter.MfaAdapter"
ACCOUNT_FORMS = {
    "login": "tenants.members.forms.SignInForm",
    "change_password": "tenants.members.forms.PasswordForm",
    "reset_password": "tenants.members.forms.ResetForm",
    "reset_password_from_key": "tenants.members.forms.NewPasswordForm",
}
MFA_FORMS = {
    "authenticate": "tenants.members.forms.SecondFactorForm",
    "reauthenticate": "tenants.members.forms.FreshFactorForm",
    "authenticate_webauthn": "tenants.members.forms.PasskeyForm",
    "reauthenticate_webauthn": "tenants.members.forms.FreshPasskeyForm",
    "add_webauthn": "tenants.members.forms.AddPasskeyForm",
    "edit_webauthn": "tenants.members.forms.RenamePasskeyForm",
    "activate_totp": "tenants.members.forms.EnrollForm",
}
# Signing in by a client's own identity provider (tenants.identity).
SOCIALACCOUNT_ADAPTER = "tenants.identity.oidc.SocialAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_STORE_TOKENS = False
# Whether a provider may be one of this machine, over plain HTTP: for the tests only.
IDENTITY_PROVIDERS_ON_LOOPBACK = False
# Proxies in front of the portal: so many of the last addresses of `X-Forwarded-For` are theirs to tell.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("PROOFLINE_PROXIES", default=0)
# Amount per time, by address, by account name and by person; a used-up one answers 429.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "second_factor": "50/d/key",
    "reset_password": "20/m/ip,3/10m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "invitation": "60/m/ip",
    "invite": "120/h/user",
}
# What a proof of identity is good for (adding or removing a factor), in seconds.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# How long the link of a mail sets a new password, in seconds.
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.clients.context.client",
            ],
        },
    }
]

# Both must begin with "/": a relative one takes the prefix of the first request after start.
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STORAGES = {
    # Raw batches, packages: content-addressed, one folder per client.
    "default": {
        "BACKEND": "evidence.batches.objects.DurableFileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "objects"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LANGUAGE_CODE = "en-us"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# Where mail goes: `smtp://user:password@host:587` (`smtp+tls://` for STARTTLS); by default into files under `var/`.
EMAIL_CONFIG = env.email_url("PROOFLINE_EMAIL_URL", default=f"filemail:///{VAR_DIR / 'mail'}")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("PROOFLINE_MAIL_FROM", default="Proofline <proofline@localhost>")

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "KEY_FUNCTION": "tenants.clients.cache.key_of",
    }
}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
# How long a session lasts, and how long without a request, in seconds.
SESSION_COOKIE_AGE = env.int("PROOFLINE_SESSION_AGE", default=12 * 3600)
PROOFLINE_SESSION_IDLE = env.int("PROOFLINE_SESSION_IDLE", default=2 * 3600)
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# How many schemas are kept ready for new clients; 0 makes each when it is asked for.
PROOFLINE_SPARE_SCHEMAS = env.int("PROOFLINE_SPARE_SCHEMAS", default=2)
# Requests of the API that a token, or a person in a session, may make each minute; one more is answered 429.
PROOFLINE_API_REQUESTS_PER_MINUTE = env.int("PROOFLINE_API_REQUESTS_PER_MINUTE", default=600)
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "tenants.api.schema.Schema",
    "EXCEPTION_HANDLER": "tenants.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    # Escaped: what a vendor's record holds may be no text that UTF-8 can carry.
    "UNICODE_JSON": False,
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "Proofline",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    # Fields of one name with different words; without a name of their own they would be numbered.
    "ENUM_NAME_OVERRIDES": {
        "SourceState": "evidence.intake.models.Source.State",
        "DeliveryState": "evidence.intake.models.Delivery.State",
        "BatchState": "evidence.batches.models.Batch.State",
        "DayState": "evidence.coverage.states.State",
        "ExceptionState": "controls.exceptions.models.ControlException.State",
        "PackageState": "reports.packages.models.Package.State",
        "ProcedureKind": "controls.catalogue.models.ControlProcedure.Kind",
        "EngagementKind": "tenants.engagements.models.Engagement.Kind",
    },
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
        }
    },
}

# A database connection is closed after it served so many clients: its process keeps some 0.8 MiB of each.
PROOFLINE_CLIENTS_PER_CONNECTION = env.int("PROOFLINE_CLIENTS_PER_CONNECTION", default=40)
# The admin's look: the portal's colors and mark.
UNFOLD = {
    "SITE_SYMBOL": "shield",
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "7px",
    "STYLES": [lambda request: static("proofline/admin.css")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("proofline/mark.svg")}
    ],
    "COLORS": {
        "primary": {
            "50": "#eef7fa", "100": "#d8ebf2", "200": "#b3d8e5", "300": "#85c1d6", "400": "#5cc3e0",
            "500": "#1f7f9f", "600": "#12607e", "700": "#0f5069", "800": "#0d3b4f", "900": "#0a2733", "950": "#071b24",
        },
    },
}  # fmt: skip

# Intake: a body over the limit is refused with 413 and the limit, in bytes.
PROOFLINE_PUSH_LIMIT = env.int("PROOFLINE_PUSH_LIMIT", default=16 * 1024 * 1024)
# Intake is refused (507) while less than this is free on the disk of the objects, in bytes.
PROOFLINE_FREE_BYTES = env.int("PROOFLINE_FREE_BYTES", default=128 * 1024 * 1024)
# A batch is sealed from receipts of at most this many bytes, or when its oldest receipt is this old.
PROOFLINE_SEAL_BYTES = 8 * 1024 * 1024
PROOFLINE_SEAL_SECONDS = 2
# A form over so many bytes is refused with 413; files of evidence have limits of their own.
FORM_LIMIT = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = PROOFLINE_PUSH_LIMIT
FILE_UPLOAD_TEMP_DIR = None

CELERY_BROKER_URL = env.str("PROOFLINE_BROKER_URL", default="filesystem://localhost/")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "intake"
# `config.celery` decides when a worker's connection is closed, not a count of tasks.
CELERY_DB_REUSE_MAX = 1 << 62
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
if CELERY_BROKER_URL.startswith("filesystem://"):
    _broker = VAR_DIR / "broker"
    for _folder in ("messages", "processed"):
        (_broker / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "control_folder": str(_broker / "control"),
        "store_processed": True,
        "processed_folder": str(_broker / "processed"),
        "polling_interval": 0.1,
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"one_line": {"()": "tenants.edge.logs.OneLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "one_line"}},
    "root": {"handlers": ["console"], "level": env.str("PROOFLINE_LOG_LEVEL", default="WARNING")},
    # Refused and absent pages are answers, not faults.
    "loggers": {"django.request": {"level": "ERROR"}},
}
