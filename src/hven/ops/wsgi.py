"""The application as the web server's worker processes load it: such a process ends with the one that started it."""

import gc
import os
import signal

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

from hven.jobs.processes import die_with_parent
from hven.ops.charsets import known_charsets

# Process 1 is nobody's starter here: to have it for a parent means to be an orphan already.
die_with_parent(os.getppid() if os.getppid() != 1 else -1, signal.SIGKILL)
application = known_charsets(get_wsgi_application())
# What is loaded stays: no collection of garbage needs to look through it again. Views are part of it.
resolve("/")
gc.collect()
gc.freeze()
