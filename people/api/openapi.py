from typing import Any

from people.api.serializers import ErrorSerializer


def refusals(*statuses: int) -> dict[int, Any]:
    """Return what the schema says of these refusals, and of those that any address has."""
    return dict.fromkeys(sorted({401, 403, 429, *statuses}), ErrorSerializer)
