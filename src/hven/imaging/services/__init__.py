"""The verbs of imaging."""

from hven.imaging.services.frames import (
    delete_data_file,
    delete_reduction,
    delete_submission,
    set_album_visibility,
    set_file_visibility,
    set_visibility,
)
from hven.imaging.services.pictures import picture, sky_map, sky_overlay, thumbnail
from hven.imaging.services.products import (
    find_product,
    placed_sources,
    product_or_none,
    residuals,
    solved_frame,
    solved_header,
)
from hven.imaging.services.runs import (
    cancel_run,
    repeat_run,
    request_run,
    submit_file,
    submit_files,
    submit_url,
    visible_runs,
)
from hven.imaging.services.search import Cone, Wanted, count_up_to, search

__all__ = [
    "Cone",
    "Wanted",
    "cancel_run",
    "count_up_to",
    "delete_data_file",
    "delete_reduction",
    "delete_submission",
    "find_product",
    "picture",
    "placed_sources",
    "product_or_none",
    "repeat_run",
    "request_run",
    "residuals",
    "search",
    "set_album_visibility",
    "set_file_visibility",
    "set_visibility",
    "sky_map",
    "sky_overlay",
    "solved_frame",
    "solved_header",
    "submit_file",
    "submit_files",
    "submit_url",
    "thumbnail",
    "visible_runs",
]
