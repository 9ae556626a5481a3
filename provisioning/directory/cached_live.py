"""A live directory with a short cache and a rate limit."""

import hashlib
import json
from collections.abc import Collection
from typing import Any, Final

from django.core.cache import cache

from people import rate_limits
from provisioning.claims import Group
from provisioning.directory.base import (
    DirectoryFailed,
    DirectoryPerson,
    LiveDirectory,
    Page,
    Standing,
)
from provisioning.models import IdentityProvider

CACHE_SECONDS: Final = 60
MAX_A_MINUTE: Final = 60


class CachedLiveDirectory:
    """Caches each result for a minute, and limits the requests per provider and minute."""

    is_live = True

    def __init__(self, provider: IdentityProvider, live: LiveDirectory) -> None:
        self.provider, self.live = provider, live

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        found: Page[DirectoryPerson] = self._answer("people", text, after)
        return found

    def person(self, key: str) -> DirectoryPerson | None:
        found: DirectoryPerson | None = self._answer("person", key)
        return found

    def groups_of(self, key: str) -> list[Group] | None:
        found: list[Group] | None = self._answer("groups_of", key)
        return found

    def groups(self, text: str, after: str = "") -> Page[Group]:
        found: Page[Group] = self._answer("groups", text, after)
        return found

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        found: Page[DirectoryPerson] = self._answer("members", group_id, after)
        return found

    def standing(self, subject: str, names: Collection[str]) -> Standing | None:
        """Return the present standing, which is not cached: an administrator may just mend it."""
        self._count()
        return self.live.standing(subject, names)

    def lacks_group(self, key: str, group_id: str) -> bool:
        """Tell whether the person is not in the group. Not cached, like `standing`.

        A group that the directory does not have, or in which nobody is, says nothing: tokens may
        list other things as groups, such as the app roles of Entra. Neither does a group whose
        nested groups are not searched.

        :raises DirectoryFailed: if the directory does not answer.
        """
        self._count()
        groups = self.live.groups_of(key)
        if groups is None or any(group_id in (one.id, one.dn) for one in groups):
            return False
        members = self.live.members(group_id)
        return bool(members.items) and not members.has_groups

    def _answer(self, method: str, *arguments: str) -> Any:
        key = self._key(method, *arguments)
        cached = cache.get(key)
        if cached is None:
            self._count()
            # In a tuple, because the result may be None.
            cached = (getattr(self.live, method)(*arguments),)
            cache.set(key, cached, CACHE_SECONDS)
        return cached[0]

    def _key(self, *call: str) -> str:
        """Return the cache key of a call. It changes with the provider's settings and secrets."""
        provider = self.provider
        access = [provider.settings, provider.secret, provider.directory_token]
        digest = hashlib.sha256(json.dumps([access, call], sort_keys=True).encode()).hexdigest()
        return f"directory:{provider.pk}:{digest}"

    def _count(self) -> None:
        if rate_limits.count(f"directory:{self.provider.pk}", seconds=60) > MAX_A_MINUTE:
            raise DirectoryFailed(
                "too-often", f"Too many requests to {self.provider}. Wait a minute."
            )
