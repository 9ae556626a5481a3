"""A provider's directory: its people and groups, also those who have never signed in.

Off shows nothing, CachedOnly who was seen at sign-ins, Live the directory itself. Every answer
is one page; what a directory cannot say in time is an error that says what to correct.
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
