"""Ids of resources."""

from uuid import UUID


def scim_uuid(text: str) -> UUID:
    """Read an id of ours; what is none becomes the nil UUID, which is nobody's."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
