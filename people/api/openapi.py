from typing import Any

from people.api.serializers import ErrorSerializer


def refusals(*statuses: int) -> dict[int, Any]:
    """Return the schema of error responses: these statuses, and those that every view has."""
    return dict.fromkeys(sorted({401, 403, 429, *statuses}), ErrorSerializer)
