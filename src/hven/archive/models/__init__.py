"""Submissions, data files, datasets and tags."""

from hven.archive.models.data_file import DataFile, Dataset
from hven.archive.models.submission import Submission
from hven.archive.models.tag import Tag

__all__ = ["DataFile", "Dataset", "Submission", "Tag"]
