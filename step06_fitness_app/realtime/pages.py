"""Pages of what is numbered 1, 2, 3 …: the same for its socket and over HTTP."""

from django.db.models import QuerySet
from rest_framework import serializers

PAGE = 50  # rows


class PageSerializer(serializers.Serializer):
    """Which page: before a number, after one, or neither for the newest."""

    before = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    after = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)

    def validate(self, numbers: dict) -> dict:
        if len(numbers) == 2:
            raise serializers.ValidationError({"after": "Not together with before."})
        return numbers


def read_page(rows: QuerySet, *, before: int | None = None, after: int | None = None) -> list:
    """Rows with a `number`, oldest first: before one, after one, or else the newest."""
    if after is not None:
        return list(rows.filter(number__gt=after).order_by("number")[:PAGE])
    if before is not None:
        rows = rows.filter(number__lt=before)
    return list(rows.order_by("-number")[:PAGE])[::-1]
