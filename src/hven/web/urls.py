"""Addresses of the pages, and of the JSON and the bytes behind them."""

from django.urls import URLPattern, path

from hven.web.api import frames as api
from hven.web.views import accounts, files, image, indexes, keys, lists

_FRAME = "frames/<uuid:uuid>/"

urlpatterns: list[URLPattern] = [
    path("", lists.home, name="home"),
    path("sign-in/", accounts.sign_in, name="sign-in"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("sign-up/", accounts.sign_up, name="sign-up"),
    path("setup/<str:secret>/", accounts.set_up, name="setup"),
    path("password/", accounts.change_password, name="password"),
    path("solver/", indexes.solver, name="solver"),
    path("solver/fetch/", indexes.fetch, name="solver-fetch"),
    path("solver/build/", indexes.build, name="solver-build"),
    path("solver/remove/", indexes.remove, name="solver-remove"),
    path("solver/<uuid:uuid>/cancel/", indexes.cancel, name="solver-cancel"),
    path("keys/", keys.keys, name="keys"),
    path("keys/<uuid:uuid>/revoke/", keys.revoke, name="revoke-key"),
    path("upload/", lists.upload, name="upload"),
    path("frames/", lists.frames, name="frames"),
    path("queue/", lists.queue, name="queue"),
    path("under-way/", lists.under_way, name="under-way"),
    path("runs/<uuid:uuid>/cancel/", lists.cancel, name="cancel-run"),
    path("runs/<uuid:uuid>/retry/", lists.retry, name="retry-run"),
    path(_FRAME, image.frame, name="frame"),
    path(f"{_FRAME}panel/", image.panel, name="panel"),
    path(f"{_FRAME}rerun/", image.rerun, name="rerun"),
    path(f"{_FRAME}visibility/", image.visibility, name="visibility"),
    path(f"{_FRAME}delete/", image.delete, name="delete-frame"),
    path(f"{_FRAME}picture.json", api.Picture.as_view(), name="picture"),
    path(f"{_FRAME}value.json", api.Value.as_view(), name="value"),
    path(f"{_FRAME}tiles/<int:level>/<int:x>_<int:y>.jpg", files.tile, name="tile"),
    path(f"{_FRAME}thumbnail.jpg", files.thumbnail, name="thumbnail"),
    path(f"{_FRAME}original", files.original, name="original"),
    path(f"{_FRAME}runs/<int:run>/overlays.json", files.overlays, name="overlays"),
    path(f"{_FRAME}runs/<int:run>/solved.fits", files.solved, name="solved"),
    path(f"{_FRAME}runs/<int:run>/<str:path>", files.product, name="product"),
    path("uploads/", api.Upload.as_view(), name="uploads"),
    path("uploads/rows.json", api.Follow.as_view(), name="upload-rows"),
    path("uploads/call.json", api.Call.as_view(), name="upload-call"),
    path("blobs/get/<path:token>", files.blob, name="blob"),
]
