"""Submissions, data files, datasets, tags, nights, packages and targets."""

from hven.archive.models.data_file import DataFile
from hven.archive.models.dataset import Dataset
from hven.archive.models.licence import CommercialUse, Modifications
from hven.archive.models.night import Calibration, NightLog, Observation
from hven.archive.models.package import Package, PackagedDataset
from hven.archive.models.submission import Submission
from hven.archive.models.tag import Tag, TagWord
from hven.archive.models.target import ListedTarget, Target, TargetList
from hven.archive.models.text import FileText
from hven.archive.models.upload import Upload
from hven.sites.models import Rule

__all__ = [
    "Calibration", "CommercialUse", "DataFile", "Dataset", "FileText", "ListedTarget", "Modifications",
    "NightLog", "Observation", "Package", "PackagedDataset", "Rule", "Submission", "Tag", "TagWord", "Target",
    "TargetList", "Upload",
]  # fmt: skip
