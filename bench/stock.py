"""The yardstick of bench/upload.py and bench/archive.py: a bare Django project whose views store an uploaded file.

``python bench/stock.py --port N --data FOLDER`` serves it by granian, set up as hven's own server is.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings

if not settings.configured:
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - it signs nothing
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MEDIA_ROOT=os.environ.get("STOCK_DATA", "."),
        # beside the files, as hven's are: moving between file systems would be copying
        FILE_UPLOAD_TEMP_DIR=os.environ.get("STOCK_DATA", "."),
        DATABASES={},
    )

from django.core.files.storage import default_storage
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path


def upload(request: HttpRequest) -> HttpResponse:
    """Store the file of a form."""
    if request.method == "POST":
        return HttpResponse(default_storage.save("upload.bin", request.FILES["file"]))
    return HttpResponse("ok")


def hashed(request: HttpRequest) -> HttpResponse:
    """Store the file of a form and say its sha256."""
    file = request.FILES["file"]
    total = hashlib.sha256()
    for chunk in file.chunks():
        total.update(chunk)
    default_storage.save("upload.bin", file)
    return HttpResponse(total.hexdigest())


def flushed(request: HttpRequest) -> HttpResponse:
    """Write the file of a form and flush it to the disk."""
    name = f"{uuid.uuid4().hex}.bin"
    with Path(settings.MEDIA_ROOT, name).open("wb") as target:
        target.writelines(request.FILES["file"].chunks())
        target.flush()
        os.fsync(target.fileno())
    return HttpResponse(name)


urlpatterns: list[Any] = [path("", upload), path("hashed", hashed), path("flushed", flushed)]
application = get_wsgi_application()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ["STOCK_DATA"] = str(arguments.data)
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces

    sys.path.insert(0, str(Path(__file__).parent))
    Granian(
        "stock:application", address="127.0.0.1", port=arguments.port, interface=Interfaces.WSGI, workers=1,
        blocking_threads=64, http=HTTPModes.http1, websockets=False,
    ).serve()  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
