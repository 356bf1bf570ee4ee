"""The verbs of the archive."""

from hven.archive.services.albums import (
    NO_ALBUM,
    albums_to_fill,
    delete_album,
    find_album,
    make_album,
    move_files,
    rename_album,
    visible_albums,
)
from hven.archive.services.files import add_file, inbox, note_header, note_list, set_machine_tags
from hven.archive.services.licences import Licence, set_licence
from hven.archive.services.quotas import bytes_kept, check_quota
from hven.archive.services.submissions import fail_submission, finish_submission, new_submission
from hven.archive.services.tags import add_tag, remove_tag, tagged

__all__ = [
    "NO_ALBUM",
    "Licence",
    "add_file",
    "add_tag",
    "albums_to_fill",
    "bytes_kept",
    "check_quota",
    "delete_album",
    "fail_submission",
    "find_album",
    "finish_submission",
    "inbox",
    "make_album",
    "move_files",
    "new_submission",
    "note_header",
    "note_list",
    "remove_tag",
    "rename_album",
    "set_licence",
    "set_machine_tags",
    "tagged",
    "visible_albums",
]
