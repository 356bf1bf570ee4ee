"""The verbs of the archive."""

from hven.archive.services.files import add_file, inbox, note_header, note_list, set_machine_tags
from hven.archive.services.submissions import fail_submission, new_submission

__all__ = ["add_file", "fail_submission", "inbox", "new_submission", "note_header", "note_list", "set_machine_tags"]
