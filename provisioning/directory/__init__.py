"""Browses a provider's directory: its people and groups, also those who have never signed in.

The setting `browsing` of the provider decides which directory is shown: none, the people and groups
seen at sign-ins, or the live directory. Every result is one page. A request that fails or takes too
long raises DirectoryFailed, whose message says what to correct.
"""

from provisioning.directory.base import (
    PAGE,
    Directory,
    DirectoryFailed,
    DirectoryPerson,
    Page,
)
from provisioning.directory.factory import directory_of

__all__ = ["PAGE", "Directory", "DirectoryFailed", "DirectoryPerson", "Page", "directory_of"]
