"""The WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from hven.ops.charsets import known_charsets

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
application = known_charsets(get_wsgi_application())
