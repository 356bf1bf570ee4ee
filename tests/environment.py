"""A data folder for each test process, named before anything reads the settings.

pytest loads this as a plugin (see pyproject.toml): conftest.py would be too late, since pytest-django touches the
settings first, and the processes of xdist would then share the folder of the process that started them.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for _name in [name for name in os.environ if name.startswith("HVEN_")]:
    del os.environ[_name]
DATA = Path(tempfile.mkdtemp(prefix="hven-test-"))
_OWNER = os.getpid()


@atexit.register
def _remove() -> None:
    if os.getpid() == _OWNER:  # and not in a child that was forked
        shutil.rmtree(DATA, ignore_errors=True)


os.environ["HVEN_DATA"] = str(DATA)
os.environ["HVEN_HOSTS"] = "testserver"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
os.environ.setdefault("OMP_NUM_THREADS", "1")
