"""The verbs of imaging."""

from hven.imaging.services.frames import (
    delete_data_file,
    delete_reduction,
    delete_submission,
    set_album_visibility,
    set_file_visibility,
    set_visibility,
)
from hven.imaging.services.products import find_product, product_or_none, solved_frame
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
    "product_or_none",
    "repeat_run",
    "request_run",
    "search",
    "set_album_visibility",
    "set_file_visibility",
    "set_visibility",
    "solved_frame",
    "submit_file",
    "submit_files",
    "submit_url",
    "visible_runs",
]
