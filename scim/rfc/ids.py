"""SCIM ids."""

from uuid import UUID


def scim_uuid(text: str) -> UUID:
    """Return the SCIM id as a UUID; other text becomes the nil UUID, which no resource has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
