"""Django's settings, derived from hven's own (``hven.config.options``).

Rooms below read hven's settings as attributes of ``django.conf.settings``: ``settings.HVEN_MAX_UPLOAD``, and the
folders of the data folder as ``settings.HVEN_FOLDERS.blobs`` and so on.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import urlsplit

from hven.config import logs, options, secret
from hven.config.folders import Folders
from hven.config.staticfiles import package_folders
from hven.errors import Invalid

OPTIONS = options.read()
# Written out, so that the type checker knows them; a test compares this list with the options.
HVEN_DATA: Path = OPTIONS["DATA"]
HVEN_CONFIG: Path | None = OPTIONS["CONFIG"]
HVEN_HOST: str = OPTIONS["HOST"]
HVEN_PORT: int = OPTIONS["PORT"]
HVEN_HOSTS: tuple[str, ...] = OPTIONS["HOSTS"]
HVEN_PUBLIC_URL: str = OPTIONS["PUBLIC_URL"]
HVEN_TRUSTED_PROXIES: tuple[IPv4Network | IPv6Network, ...] = OPTIONS["TRUSTED_PROXIES"]
HVEN_DIALECT_HOSTS: dict[str, str] = OPTIONS["DIALECT_HOSTS"]
HVEN_SECRET_KEY: str = OPTIONS["SECRET_KEY"]
HVEN_ADMIN_USER: str = OPTIONS["ADMIN_USER"]
HVEN_ADMIN_PASSWORD: str = OPTIONS["ADMIN_PASSWORD"]
HVEN_SIGNUP: bool = OPTIONS["SIGNUP"]
HVEN_DEFAULT_VISIBILITY: str = OPTIONS["DEFAULT_VISIBILITY"]
HVEN_QUOTA_STORAGE: int = OPTIONS["QUOTA_STORAGE"]
HVEN_QUOTA_QUEUED: int = OPTIONS["QUOTA_QUEUED"]
HVEN_VISITORS: bool = OPTIONS["VISITORS"]
HVEN_VISITOR_UPLOAD: int = OPTIONS["VISITOR_UPLOAD"]
HVEN_VISITOR_QUEUED: int = OPTIONS["VISITOR_QUEUED"]
HVEN_VISITOR_DAILY: int = OPTIONS["VISITOR_DAILY"]
HVEN_VISITOR_KEEP: float = OPTIONS["VISITOR_KEEP"]
HVEN_MAX_UPLOAD: int = OPTIONS["MAX_UPLOAD"]
HVEN_OUTSIDE: bool = OPTIONS["OUTSIDE"]
HVEN_OUTSIDE_TIME_LIMIT: float = OPTIONS["OUTSIDE_TIME_LIMIT"]
HVEN_OUTSIDE_CACHE: int = OPTIONS["OUTSIDE_CACHE"]
HVEN_VIZIER_URL: str = OPTIONS["VIZIER_URL"]
HVEN_LOCAL_FILES: Path | None = OPTIONS["LOCAL_FILES"]
HVEN_MAX_MEMBERS: int = OPTIONS["MAX_MEMBERS"]
HVEN_MAX_UNPACKED: int = OPTIONS["MAX_UNPACKED"]
HVEN_MAX_PIXELS: int = OPTIONS["MAX_PIXELS"]
HVEN_MIN_FREE_DISK: int = OPTIONS["MIN_FREE_DISK"]
HVEN_ALLOW_PRIVATE_FETCH: bool = OPTIONS["ALLOW_PRIVATE_FETCH"]
HVEN_FETCH_TIME_LIMIT: float = OPTIONS["FETCH_TIME_LIMIT"]
HVEN_TILE_CACHE: int = OPTIONS["TILE_CACHE"]
HVEN_BLOB_GRACE: float = OPTIONS["BLOB_GRACE"]
HVEN_INCOMING_KEEP: float = OPTIONS["INCOMING_KEEP"]
HVEN_INDEX_PATH: tuple[Path, ...] = OPTIONS["INDEX_PATH"]
HVEN_SOLVE_TIME_LIMIT: float = OPTIONS["SOLVE_TIME_LIMIT"]
HVEN_WORKERS: int = OPTIONS["WORKERS"]
HVEN_WORKER_JOBS: int = OPTIONS["WORKER_JOBS"]
HVEN_WORKER_NICE: int = OPTIONS["WORKER_NICE"]
HVEN_JOB_LEASE: float = OPTIONS["JOB_LEASE"]
HVEN_JOB_TIME_LIMIT: float = OPTIONS["JOB_TIME_LIMIT"]
HVEN_JOB_MEMORY_LIMIT: int = OPTIONS["JOB_MEMORY_LIMIT"]
HVEN_STOP_GRACE: float = OPTIONS["STOP_GRACE"]
HVEN_WEB_PROCESSES: int = OPTIONS["WEB_PROCESSES"]
HVEN_WEB_THREADS: int = OPTIONS["WEB_THREADS"]
HVEN_WEB_LIFETIME: float = OPTIONS["WEB_LIFETIME"]
HVEN_LOG_FORMAT: str = OPTIONS["LOG_FORMAT"]
HVEN_LOG_LEVEL: str = OPTIONS["LOG_LEVEL"]

HVEN_FOLDERS = Folders(OPTIONS.data)
HVEN_INDEX_FOLDERS = OPTIONS.index_folders()
HVEN_INDEX_URL_4100: str = OPTIONS["INDEX_URL_4100"]
HVEN_INDEX_URL_5200: str = OPTIONS["INDEX_URL_5200"]
# of each series the address of its files, and whether the operator named it, so that it may be private
HVEN_INDEX_SOURCES: dict[str, tuple[str, bool]] = {
    name: (OPTIONS[name], OPTIONS.settings[name].origin != "default") for name in ("INDEX_URL_4100", "INDEX_URL_5200")
}
HVEN_CHECKOUT = Path(__file__).resolve().parents[3]
HVEN_ASSETS: Path = OPTIONS["ASSETS"] or HVEN_CHECKOUT / "node_modules"
HVEN_DIALECT_PREFIXES = {"nova": "nova", "stdweb": "stdweb", "arcsecond": "arcsecond"}
if _unknown := set(HVEN_DIALECT_HOSTS.values()) - set(HVEN_DIALECT_PREFIXES):
    raise Invalid(
        f"HVEN_DIALECT_HOSTS names the dialect {min(_unknown)}, which hven does not speak;"
        f" it speaks {', '.join(HVEN_DIALECT_PREFIXES)}."
    )
STAFF_PATH = "staff/"

_public = urlsplit(OPTIONS["PUBLIC_URL"])
# Names are checked by hven.config.middleware.HostCheck, which also lets plain IP addresses pass and says what to set.
ALLOWED_HOSTS = ["*"]
HVEN_ANSWERS_TO = frozenset(
    {"localhost", socket.gethostname().lower(), socket.getfqdn().lower() if _public.hostname else "localhost"}
    | ({_public.hostname} if _public.hostname else set())
    | set(OPTIONS["HOSTS"])
    | set(OPTIONS["DIALECT_HOSTS"])
)

SECRET_KEY = OPTIONS["SECRET_KEY"] or secret.load_or_make(OPTIONS.data)
DEBUG = False

HVEN_APPS = [
    "hven.accounts",
    "hven.storage",
    "hven.jobs",
    "hven.sites",
    "hven.archive",
    "hven.imaging",
    "hven.web",
]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    *HVEN_APPS,
]
AUTH_USER_MODEL = "accounts.User"

MIDDLEWARE = [
    "hven.config.middleware.RequestId",
    "hven.config.middleware.TrustedProxy",
    "hven.config.middleware.HostCheck",
    "hven.config.middleware.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hven.config.middleware.DialectHosts",
    "hven.config.browsing.Sessions",
    "django.middleware.common.CommonMiddleware",
    "hven.config.browsing.Forms",
    "hven.config.browsing.SignIn",
    "hven.config.browsing.Messages",
]
ROOT_URLCONF = "hven.config.urls"
WSGI_APPLICATION = "hven.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "hven.config.sqlite",
        "NAME": HVEN_FOLDERS.database,
        "CONN_MAX_AGE": None,
        # A file, as in life: the in-memory database of Django's tests locks whole tables.
        "TEST": {"NAME": HVEN_FOLDERS.data / "test.sqlite3"},
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            # FULL: an upload that was accepted is still there after the power went.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4000; PRAGMA temp_store=MEMORY;"
                # Each fold of the log back into the database keeps one answer waiting.
                " PRAGMA wal_autocheckpoint=8000;"
            ),
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = HVEN_FOLDERS.static
STATICFILES_DIRS = package_folders(HVEN_ASSETS)
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": HVEN_FOLDERS.scratch},
    },
    "staticfiles": {"BACKEND": "hven.config.staticfiles.CollectedFiles"},
}
WHITENOISE_USE_FINDERS = not (HVEN_FOLDERS.static / "staticfiles.json").exists()
WHITENOISE_AUTOREFRESH = False

# Uploads land beside the blobs, so that keeping one is a rename; the handler stops at HVEN_MAX_UPLOAD.
FILE_UPLOAD_HANDLERS = ["hven.config.uploads.LimitedUpload"]
FILE_UPLOAD_TEMP_DIR = HVEN_FOLDERS.forms
SILENCED_SYSTEM_CHECKS = ["files.E001"]  # the handler makes that folder when it is needed
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024  # lists of 100,000 sources come as one form field
DATA_UPLOAD_MAX_NUMBER_FILES = 1000

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SESSION_COOKIE_NAME = "hven_session"
CSRF_COOKIE_NAME = "hven_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "hven.web.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if _public.hostname else []
X_FRAME_OPTIONS = "DENY"

# Nothing of the REST framework is set here: every dialect sets its own on its base view.
REST_FRAMEWORK: dict[str, object] = {}
# The page on which a dialect can be tried comes from this server too.
SPECTACULAR_SETTINGS = {"SWAGGER_UI_DIST": "SIDECAR", "SWAGGER_UI_FAVICON_HREF": "SIDECAR"}

LOGGING = logs.configuration(OPTIONS["LOG_FORMAT"], OPTIONS["LOG_LEVEL"])
