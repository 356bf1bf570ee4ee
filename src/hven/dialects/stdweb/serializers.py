"""What STDWeb's clients may send with a task, checked; errors are maps from field to sentences."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from hven.accounts.models import Membership, Observatory, Role
from hven.accounts.services.sign_in import sign_in
from hven.dialects.stdweb import words
from hven.errors import HvenError, Invalid, Throttled
from hven.imaging.models import Preset

DIRECTIONS = ("horizontal", "vertical", "both")


class ConfigField(serializers.JSONField):
    """A configuration as an object, as JSON text, or as the text of a Python dictionary."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the object."""
        try:
            return words.read_config(data)
        except Invalid as error:
            raise serializers.ValidationError(
                "Value must be valid JSON." if "parse" in str(error) else str(error)
            ) from None


class GroupsField(serializers.ListField):
    """Names of groups: observatories that the caller is a member of."""

    child = serializers.CharField(max_length=200)

    def get_value(self, dictionary: Any) -> Any:
        """Return the names; a form may repeat the field, or send it once and empty for none."""
        if isinstance(dictionary, QueryDict):
            if self.field_name not in dictionary:
                return serializers.empty
            return [name for name in dictionary.getlist(str(self.field_name)) if name]
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> Any:
        """Return the observatories."""
        if isinstance(data, str):
            data = [data]
        names = list(dict.fromkeys(super().to_internal_value(data)))
        user = self.context["request"].user
        mine = Membership.objects.filter(user=user, role__gte=Role.MEMBER).values("observatory")
        found = []
        for name in names:
            group = Observatory.objects.filter(name=name).first()
            if group is None:
                raise serializers.ValidationError(f"There is no group {name}.")
            if not user.is_staff and not Observatory.objects.filter(pk=group.pk, pk__in=mine).exists():
                present = self.context.get("groups", ())
                if group.pk not in {one.pk for one in present}:
                    raise serializers.ValidationError(f"You are not a member of the group {name}.")
            found.append(group)
        return found


class TaskChange(serializers.Serializer[Any]):
    """What of a task can be changed; anything else that is sent is passed over."""

    original_name = serializers.CharField(max_length=250, required=False)
    title = serializers.CharField(max_length=250, required=False, allow_blank=True)
    config = ConfigField(required=False)
    groups = GroupsField(required=False)


class TaskCreation(TaskChange):
    """What a new task is made of."""

    title = serializers.CharField(max_length=250, required=False, allow_blank=True, default="")
    file = serializers.FileField(required=False, allow_empty_file=True, write_only=True)
    local_file = serializers.CharField(max_length=1000, required=False)
    ext = serializers.IntegerField(required=False, min_value=-100_000, max_value=100_000)
    preset = serializers.PrimaryKeyRelatedField(queryset=Preset.objects.all(), required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what fits together."""
        if "file" in attrs and "local_file" in attrs:
            raise serializers.ValidationError("Send either file or local_file, not both.")
        if "ext" in attrs and "local_file" not in attrs:
            raise serializers.ValidationError({"ext": ["ext goes with local_file only."]})
        if not ("file" in attrs or "local_file" in attrs or attrs.get("original_name")):
            raise serializers.ValidationError(
                {"original_name": ["This field is required where neither file nor local_file is sent."]}
            )
        return attrs


class Processing(serializers.Serializer[Any]):
    """A request to process: the names of steps in their order, and keys to merge into the configuration."""

    steps = serializers.ListField(child=serializers.CharField())
    config = serializers.JSONField(required=False)


class Corners(serializers.Serializer[Any]):
    """The part that is kept: 0-based pixels, negative ones from the far edge."""

    x1 = serializers.IntegerField(required=False, allow_null=True, min_value=-(10**6), max_value=10**6)
    y1 = serializers.IntegerField(required=False, allow_null=True, min_value=-(10**6), max_value=10**6)
    x2 = serializers.IntegerField(required=False, allow_null=True, min_value=-(10**6), max_value=10**6)
    y2 = serializers.IntegerField(required=False, allow_null=True, min_value=-(10**6), max_value=10**6)


class Direction(serializers.Serializer[Any]):
    """Along what stripes are taken off."""

    direction = serializers.ChoiceField(choices=DIRECTIONS, required=False, default="both")


class Credentials(serializers.Serializer[Any]):
    """A name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find who signs in."""
        try:
            user = sign_in(attrs["username"], attrs["password"], self.context["address"])
        except Throttled:
            raise
        except HvenError:
            raise serializers.ValidationError(
                "Unable to log in with provided credentials.", code="authorization"
            ) from None
        return {"user": user}


class FilePart(serializers.Serializer[Any]):
    """A file of a task."""

    file = serializers.FileField(allow_empty_file=True)
