"""Settings for all installations. Values that differ come from environment variables.

docs/running.md lists the variables.
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import django_stubs_ext

from ramp import __version__, error_reports, schedule, secret_key, theme
from ramp.broker import transport_options
from ramp.environment import Env, log_is_json, writable_folder
from ramp.postgresql.connections import postgresql_settings

# Makes generic classes such as ModelAdmin[Person] subscriptable at run time.
django_stubs_ext.monkeypatch()

env = Env()

PACKAGE_DIR = Path(__file__).resolve().parent
# A wheel has templates and static files inside the package, a checkout has them beside it.
IS_WHEEL = (PACKAGE_DIR / "_templates").is_dir()
# An installed wheel keeps its data where it is started, never among the installed packages.
BASE_DIR = Path.cwd() if IS_WHEEL else PACKAGE_DIR.parent
TEMPLATES_DIR = PACKAGE_DIR / "_templates" if IS_WHEEL else BASE_DIR / "templates"
STATIC_DIR = PACKAGE_DIR / "_static" if IS_WHEEL else BASE_DIR / "static"
# The data of the embedded default: database, queue and secret key. Empty in production.
VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()

HOST = env("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
WEB_PROCESSES = env.int("WEB_PROCESSES", default=2)
WORKER_PROCESSES = env.int("WORKER_PROCESSES", default=2)

# Set by the supervisor: the folder of heartbeats, and the heartbeats that /readyz expects.
SIGNS_DIR = env("SIGNS_DIR", default="")
SIGNS_OF = env.list("SIGNS_OF", default=[])

# The bearer token for /metrics. If it is empty, /metrics answers 404.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
# Set by the supervisor: the folder in which its programs count requests.
METRICS_DIR = env("PROMETHEUS_MULTIPROC_DIR", default="")

# The start of every link and SCIM location, instead of the Host header, which can be forged.
PUBLIC_BASE_URL = env("PUBLIC_BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
PUBLIC = urlsplit(PUBLIC_BASE_URL)
IS_HTTPS = PUBLIC.scheme == "https"
# True if only our proxy can reach the port, and sets X-Forwarded-Proto on each request.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
# The proxies that are trusted for the client's address: their number, or their networks.
_proxies = env.list("TRUSTED_PROXIES", default=["1"] if BEHIND_PROXY else ["0"])
TRUSTED_PROXIES: int | list[str] = (
    int(_proxies[0]) if len(_proxies) == 1 and _proxies[0].isdecimal() else _proxies
)
PROXY_HEADER = env("PROXY_HEADER", default="X-Forwarded-For")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[PUBLIC.hostname or "", "localhost", "127.0.0.1", "[::1]"]
)

# The certificate that browsers see; Windows tickets must be bound to it. With TLS_KEY, the web
# processes serve TLS themselves; without it, a proxy does.
TLS_CERTIFICATE = env("TLS_CERTIFICATE", default="")
TLS_KEY = env("TLS_KEY", default="")

SECRET_KEY = env("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SECRET_KEY_IS_GENERATED = not SECRET_KEY
if not (SECRET_KEY and env("DATABASE_URL", default="") and env("REDIS_URL", default="")):
    writable_folder(VAR_DIR)
if SECRET_KEY_IS_GENERATED:
    SECRET_KEY = secret_key.stored_key(VAR_DIR)
DEBUG = env.bool("DEBUG", default=False)

# Both apps are optional: Ramp also runs if the folder of one of them is deleted.
HAS_SCIM, HAS_SIGN_IN = (find_spec(app) is not None for app in ("scim", "provisioning"))
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "ramp.apps.RampConfig",
    "people",
    *(["scim", "django_scim"] if HAS_SCIM else []),
    *(["provisioning"] if HAS_SIGN_IN else []),
    "ramp.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    # The static files of Swagger UI.
    "drf_spectacular_sidecar",
]


def _is_installed(path: str) -> bool:
    """Tell whether the app at the beginning of the dotted path is installed."""
    return path.partition(".")[0] in INSTALLED_APPS


MIDDLEWARE = [
    "ramp.middleware.ProxyRequestIdMiddleware",
    "ramp.metrics.MetricsMiddleware",
    "ramp.middleware.UnreadBodyMiddleware",
    # Early, so that SCIM requests skip sessions, CSRF and messages.
    *(["ramp.middleware.ScimMiddleware"] if HAS_SCIM else []),
    "ramp.middleware.RequestIdMiddleware",
    "ramp.middleware.ReadableTextMiddleware",
    "ramp.middleware.SecurityHeadersMiddleware",
    # Before the redirect to HTTPS and the check of the host name.
    "ramp.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ramp.middleware.TenantMiddleware",
    "ramp.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "ramp.urls"
WSGI_APPLICATION = "ramp.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [TEMPLATES_DIR],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "ramp.template_loaders.PackageLoader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Widgets are rendered by the loaders above, too.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASE_URL = env("DATABASE_URL", default="")
# Each transaction may have another connection to PostgreSQL (`pool_mode = transaction`).
BEHIND_PGBOUNCER = env.bool("BEHIND_PGBOUNCER", default=False)
DATABASE: dict[str, Any] = env.db_url_config(
    DATABASE_URL or f"sqlite:///{quote(str(VAR_DIR))}/ramp.sqlite3"
)
if DATABASE["ENGINE"].endswith("sqlite3"):
    DATABASE["OPTIONS"] = {
        "timeout": 20,
        # A deferred transaction that has read cannot wait for the write lock later: it fails.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
else:
    DATABASE = postgresql_settings(DATABASE, is_pooled=BEHIND_PGBOUNCER)
DATABASES = {
    "default": DATABASE
    | {
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=None),
        # A connection that the server closed is replaced before the request uses it.
        "CONN_HEALTH_CHECKS": True,
    }
}

# True lets a superuser run Ramp, and the owner of the tables although row-level security is on.
DATABASE_ROLE_MAY_BYPASS = env.bool("DATABASE_ROLE_MAY_BYPASS", default=False)

# SQLite has one writer at a time, so more threads would only wait for each other.
WEB_THREADS = env.int("WEB_THREADS", default=1 if DATABASE["ENGINE"].endswith("sqlite3") else 8)

REDIS_URL = env("REDIS_URL", default="")
CELERY_BROKER_URL = REDIS_URL or "folder://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(REDIS_URL, VAR_DIR)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A worker that has lost the broker ends, and the supervisor starts another; see ramp.worker.
CELERY_BROKER_CONNECTION_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
# After the job: a job whose worker dies is then delivered again.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 100
# A process takes only its next job. Jobs that wait behind a long one would be idle.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# The worker always listens to this channel, so that it notices when the broker is gone.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = True
# Their acknowledgment would be lost, and they are redelivered. Every job tolerates a second run.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BEAT_SCHEDULER = "ramp.celery.Schedule"
CELERY_BEAT_SCHEDULE = {
    name: job for name, job in schedule.BEAT_SCHEDULE.items() if _is_installed(job["task"])
}
DUE_JOBS = {name: path for name, path in schedule.DUE_JOBS.items() if _is_installed(path)}

# Shared by all processes of all hosts. Each process has a cache of its own without Redis, and with
# redis+socket://, which only Celery understands.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "ramp.cache.SharedCache",
        "LOCATION": REDIS_URL,
        # During an upgrade, neither version reads the objects of the other.
        "KEY_PREFIX": f"ramp-{__version__}",
    }
    if REDIS_URL.startswith(("redis://", "rediss://"))
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# By API token; 0 sets no limit.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=1200)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["people.api.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": [
        "people.api.authentication.IsAdministrator",
        "people.api.authentication.HasScope",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["people.api.authentication.TokenRateThrottle"],
    "DEFAULT_PARSER_CLASSES": ["people.api.parsers.StrictJson"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "people.api.schema.Schema",
    "EXCEPTION_HANDLER": "people.api.base.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Ramp",
    "VERSION": "1",
    "DESCRIPTION": "People, cards, funds and authorizations. docs/api.md is the introduction.",
    # The part of the path after it is the tag of an operation.
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Since this version, security requirements name the scopes of a bearer token.
    "OAS_VERSION": "3.1.0",
    # Requests have rules that responses do not need, such as that a text is not blank.
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["people.api.urls.drop_duplicate_paths"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "people.api.openapi.complete",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# How long SCIM requests stay in the log.
REQUEST_LOG_DAYS = env.int("REQUEST_LOG_DAYS", default=30)
# The uses of SCIM tokens are collected and written after this time; 0 turns that off.
TOKEN_USE_SECONDS = 5
# By token, reads apart from writes; 0 sets no limit.
SCIM_REQUESTS_PER_SECOND = env.int("SCIM_REQUESTS_PER_SECOND", default=1000)
# The web processes share their counts of requests here. Without it, each process counts alone.
SCIM_LIMITS_URL = REDIS_URL
SCIM_SERVICE_PROVIDER = {
    "USER_ADAPTER": "scim.api.adapters.UserAdapter",
    "GROUP_ADAPTER": "scim.api.adapters.GroupAdapter",
    "GROUP_MODEL": "scim.models.ScimGroup",
    "BASE_LOCATION_GETTER": "scim.api.adapters.base_location",
    "SCHEME": PUBLIC.scheme,
    "NETLOC": PUBLIC.netloc,
    "AUTHENTICATION_SCHEMES": [
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token that an administrator made for this connection.",
            "primary": True,
        }
    ],
}

# Private networks to which Ramp may connect, also without TLS. An installation that only this
# machine can reach may connect to this machine.
OUTBOUND_ALLOW = env.list(
    "OUTBOUND_ALLOW",
    default=["127.0.0.0/8", "::1/128"] if PUBLIC.hostname in ("127.0.0.1", "localhost") else [],
)

AUTH_USER_MODEL = "people.Person"
AUTHENTICATION_BACKENDS = ["people.session_backend.SessionBackend"]
LOGIN_URL = "admin:login"
# The first one hashes new passwords. The others verify older ones, which are then rehashed.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 8},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("given_name", "family_name", "email")},
    },
]

CSRF_FAILURE_VIEW = "ramp.error_pages.forged"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = IS_HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_SSL_REDIRECT = IS_HTTPS and BEHIND_PROXY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"form-action 'self' https:{'' if IS_HTTPS else ' http:'}",
    ]
)
# For all responses except those of SCIM. Static files set their own caching.
PROTECTIVE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    "Cache-Control": "no-store",
}
SILENCED_SYSTEM_CHECKS = [
    # HSTS for subdomains and preload: they may be hosts of other applications without HTTPS.
    "security.W005",
    "security.W021",
    # An email address is unique only among the people of a tenant who are not terminated.
    "auth.W004",
]

STATIC_URL = "static/"
STATICFILES_DIRS = [STATIC_DIR]
# Without a build step: whitenoise serves the static files of the apps from their folders.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

EMAIL = env.email_url("EMAIL_URL", default="consolemail://")
# Without a mail server, subjects and links go to the log.
EMAIL_IS_SENT = "EMAIL_URL" in env.ENVIRON
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"] if EMAIL_IS_SENT else "ramp.email_to_log.EmailBackend"
EMAIL_HOST = EMAIL["EMAIL_HOST"]
EMAIL_PORT = EMAIL["EMAIL_PORT"]
EMAIL_HOST_USER = EMAIL["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = EMAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default=f"ramp@{PUBLIC.hostname}")

LOG_IS_JSON = log_is_json()
# Python writes warnings to stderr as plain text otherwise.
logging.captureWarnings(LOG_IS_JSON)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "ramp.logs.line_formatter", "as_json": LOG_IS_JSON}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        # Django would otherwise print its own lines besides ours.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}

error_reports.begin(env("SENTRY_DSN", default=""))

UNFOLD = theme.UNFOLD
