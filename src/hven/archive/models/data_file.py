"""Files as received, and what their headers say."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from hven.accounts.models import Observatory, Owned, User
from hven.archive.models.dataset import Dataset
from hven.archive.models.licence import Licensed
from hven.archive.models.submission import Submission
from hven.storage.models import Blob

READ = Q(read_at__isnull=False)  # ask for it with a filter, an object or an image type: then there is an index


class DataFile(Licensed, Owned):
    """A file as it was received; it is never changed."""

    filed_in = "dataset"

    # Each index costs the upload of each file: these have none of their own, or see the end.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    observatory = models.ForeignKey(
        Observatory, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    created = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="data_files")
    size = models.PositiveBigIntegerField(default=0, help_text="bytes, as its blob has them")
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files", db_index=False,
        help_text="empty where it was brought to a dataset and nothing was asked for",
    )  # fmt: skip
    # An album goes without its files, which may be others'; with its owner go only the owner's own.
    # Indexes of several columns begin with it, so that it needs none of its own.
    dataset = models.ForeignKey(Dataset, on_delete=models.RESTRICT, related_name="data_files", db_index=False)

    # What it is a part of: said by the dataset's telescope and the header, worked out anew when either changes.
    is_raw = models.BooleanField(default=True, help_text="as the camera gave it")
    observation = models.ForeignKey(
        "archive.Observation", null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files",
        db_index=False,
    )  # fmt: skip
    calibration = models.ForeignKey(
        "archive.Calibration", null=True, blank=True, on_delete=models.SET_NULL, related_name="data_files",
        db_index=False,
    )  # fmt: skip
    unfiled = models.CharField(max_length=200, blank=True, help_text="why it belongs to no night; a sentence")

    awaits_reading = models.BooleanField(default=False, editable=False, help_text="its header is still to be read")

    # What its header says; empty until it was read, or where it says nothing.
    read_at = models.DateTimeField(null=True, blank=True)
    format = models.CharField(max_length=10, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    cards = models.JSONField(default=list, help_text="every header card: [keyword, value, comment]")
    meaning = models.JSONField(default=dict, help_text="what the cards mean, and which card said so")
    middle = models.DateTimeField(null=True, blank=True, help_text="of the exposure, UTC")
    exposure_s = models.FloatField(null=True, blank=True)
    filter = models.CharField(max_length=70, blank=True)
    object_name = models.CharField(max_length=70, blank=True)
    camera = models.CharField(max_length=70, blank=True)
    image_type = models.CharField(max_length=70, blank=True)
    ra = models.FloatField(null=True, blank=True, help_text="where the header says it points; degrees, ICRS")
    dec = models.FloatField(null=True, blank=True)

    # Where its frame lies, for searches: where it was found to lie, or else where its header says that it points.
    is_solved = models.BooleanField(default=False, editable=False)
    x = models.FloatField(null=True, editable=False, help_text="of the unit vector, ICRS")
    y = models.FloatField(null=True, editable=False)
    z = models.FloatField(null=True, editable=False)
    cos_radius = models.FloatField(null=True, editable=False)
    sin_radius = models.FloatField(null=True, editable=False)
    radius_deg = models.FloatField(null=True, editable=False, help_text="of the frame's circle; 0 where nobody knows")
    cell = models.BigIntegerField(null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "size"], name="file_size_by_owner"),
            models.Index(fields=["dataset", "name"], name="file_by_name_in_dataset"),
            # With all that the permission function asks of a file, so that counting reads the index alone.
            models.Index(
                fields=["dataset", "-id", "visibility", "owner", "observatory", "uuid"], name="file_by_dataset"
            ),
            # Where a file says nothing it stands in no index either: nothing is said as it comes.
            models.Index(
                fields=["observation", "middle"], name="file_by_observation", condition=Q(observation__isnull=False)
            ),
            models.Index(fields=["calibration"], name="file_by_calibration", condition=Q(calibration__isnull=False)),
            models.Index(fields=["observatory"], name="file_by_observatory", condition=Q(observatory__isnull=False)),
            models.Index(fields=["submission"], name="file_by_submission", condition=Q(submission__isnull=False)),
            models.Index(fields=["owner", "id"], name="file_to_read", condition=Q(awaits_reading=True)),
            models.Index(fields=["middle"], name="file_by_time", condition=Q(middle__isnull=False)),
            models.Index(fields=["dataset", "filter", "id"], name="file_by_filter_in_dataset", condition=READ),
            models.Index(fields=["dataset", "object_name", "id"], name="file_by_object_in_dataset", condition=READ),
            models.Index(fields=["dataset", "image_type", "id"], name="file_by_type_in_dataset", condition=READ),
            models.Index(fields=["dataset", "middle", "id"], name="file_by_time_in_dataset"),
            # Each file that was read is in one of these three: what is rare in a dataset is found without the rest.
            models.Index(
                fields=["dataset", "id"], name="file_light", condition=Q(observation__isnull=False)
            ),
            models.Index(
                fields=["dataset", "id"], name="file_calibration", condition=Q(calibration__isnull=False)
            ),
            models.Index(
                fields=["dataset", "id", "unfiled"], name="file_of_no_night",
                condition=Q(observation__isnull=True, calibration__isnull=True, awaits_reading=False),
            ),
            # All that a search by position compares, so that it reads the index alone.
            models.Index(
                fields=["cell", "x", "y", "z", "cos_radius", "sin_radius", "radius_deg"], name="file_place",
                condition=Q(cell__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name
