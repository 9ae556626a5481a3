"""A live directory, asked no more often than it has to be."""

import hashlib
import json
from contextlib import suppress
from typing import Any, Final

from django.core.cache import cache

from provisioning.claims import Group
from provisioning.directory.base import Directory, DirectoryFailed, DirectoryPerson, Page
from provisioning.models import IdentityProvider

KEPT_SECONDS: Final = 60
MOST_A_MINUTE: Final = 60


class CachedLiveDirectory:
    """Answers again what was answered a moment ago; else asks, so many times a minute."""

    is_live = True

    def __init__(self, provider: IdentityProvider, live: Directory) -> None:
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

    def _answer(self, *asked: str) -> Any:
        key = self._key(*asked)
        kept = cache.get(key)
        if kept is None:
            self._count()
            name, *about = asked
            kept = (getattr(self.live, name)(*about),)
            cache.set(key, kept, KEPT_SECONDS)
        return kept[0]

    def _key(self, *asked: str) -> str:
        """Return a key that is another as soon as the provider is asked in another way."""
        provider = self.provider
        how = [provider.settings, provider.secret, provider.directory_token]
        digest = hashlib.sha256(json.dumps([how, asked], sort_keys=True).encode()).hexdigest()
        return f"directory:{provider.pk}:{digest}"

    def _count(self) -> None:
        key = f"directory-asked:{self.provider.pk}"
        cache.add(key, 0, 60)
        with suppress(ValueError):  # The minute is over.
            if cache.incr(key) > MOST_A_MINUTE:
                raise DirectoryFailed(
                    "too-often", f"Too many requests to {self.provider}. Wait a minute."
                )
