"""Submissions, data files, datasets and tags."""

from hven.archive.models.data_file import DataFile, HeaderValue
from hven.archive.models.dataset import Dataset
from hven.archive.models.licence import CommercialUse, Modifications
from hven.archive.models.submission import Submission
from hven.archive.models.tag import Tag, TagWord

__all__ = ["CommercialUse", "DataFile", "Dataset", "HeaderValue", "Modifications", "Submission", "Tag", "TagWord"]
