"""The verbs of imaging."""

from hven.imaging.services.products import find_product, product_or_none, solved_frame
from hven.imaging.services.runs import cancel_run, repeat_run, request_run, submit_file, submit_url, visible_runs

__all__ = [
    "cancel_run",
    "find_product",
    "product_or_none",
    "repeat_run",
    "request_run",
    "solved_frame",
    "submit_file",
    "submit_url",
    "visible_runs",
]
