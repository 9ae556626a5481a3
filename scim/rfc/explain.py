"""What of a stored request was passed over, and which dialects were understood in it."""

import json
from contextlib import suppress
from typing import Any

from scim2_models import SCIMException

from scim.rfc import dialects, notes, patch
from scim.rfc.attributes import GROUP, GROUP_NAME, USER, USER_NAME
from scim.rfc.normalize import normalize
from scim.rfc.notes import Note
from scim.rfc.schema import ResourceType
from scim.rfc.strict_json import Json


def explain(method: str, path: str, body: str) -> list[Note]:
    """Read the body of a stored request once more, and return the notes about it.

    There are none for a body that was cut off or cannot be read, and for other requests.
    """
    resource = next((one for one in (USER, GROUP) if path.startswith(one.endpoint)), None)
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if resource is None or not isinstance(sent, dict):
        return []
    # What was refused is told by the answer.
    with notes.collecting() as collected, suppress(SCIMException):
        _read(method, sent, resource)
    return collected


def _read(method: str, sent: Json, resource: ResourceType) -> None:
    if method in ("POST", "PUT"):
        normalize(sent, resource)
    elif method == "PATCH":
        # The values are read as they are set, in a resource that has nothing else.
        empty: dict[str, Any] = {USER_NAME.name: "x", GROUP_NAME.name: "x", "schemas": []}
        patch.apply(empty, dialects.operations(sent, resource), resource)
