"""Keycloak's directory: the Admin REST API, as the service account of our client.

https://www.keycloak.org/docs-api/latest/rest-api/index.html, resources Users and Groups. The
service account needs the roles view-users and query-groups of the client realm-management.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from people.values import normalize_key
from provisioning.claims import Group
from provisioning.directory.api import (
    Api,
    ApiDirectory,
    Json,
    client_token,
    objects,
    segment,
    text,
)
from provisioning.directory.base import (
    PAGE,
    AccountProblem,
    DirectoryFailed,
    DirectoryPerson,
    Page,
    start_of,
)
from provisioning.directory.group_keys import group_key_of
from provisioning.models import IdentityProvider
from provisioning.providers.config import OidcSettings, settings_of

# Limits for the subgroups of one page of groups.
MAX_REQUESTS: Final = 50
MAX_SUBGROUPS: Final = 500


class KeycloakDirectory(ApiDirectory):
    # A pairwise subject (OpenID Connect Core section 8.1) is no id of an account.
    subject_is_id = False

    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        # https://host/realms/acme is administered at https://host/admin/realms/acme.
        base = settings.directory_url or settings.issuer.replace("/realms/", "/admin/realms/", 1)
        self.api = Api(base, {"Authorization": f"Bearer {client_token(provider)}"})
        # The mapper “Group Membership” sends paths, unless “Full group path” is off.
        self.key = group_key_of(provider, "path")

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.json("/users", **_parameters(text, after))
        return _page(answer, after, _person)

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/users/{segment(key)}")
        return _person(answer) if isinstance(answer, dict) else None

    def named(self, name: str) -> list[DirectoryPerson]:
        for attribute in ("username", "email") if "@" in name else ("username",):
            answer = self.api.json("/users", **{attribute: name, "exact": "true", "max": 2})
            if found := [_person(one) for one in objects(answer)]:
                return found
        return []

    def further_problem(self, person: DirectoryPerson) -> str:
        """Return whether the account is locked after wrong passwords, for a time or until unlocked.

        The resource Attack Detection needs no more than view-users.
        """
        # It is not known if the service account may not read this.
        with suppress(DirectoryFailed):
            path = f"/attack-detection/brute-force/users/{segment(person.id)}"
            locked = self.api.json(path)
            if isinstance(locked, dict) and locked.get("disabled") is True:
                return AccountProblem.LOCKED
        return ""

    def groups_of(self, key: str) -> list[Group] | None:
        answer = self.api.json(f"/users/{segment(key)}/groups")
        return None if answer is None else [self._group(one) for one in objects(answer)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        page = _page(self.api.json("/groups", **_parameters(text, after)), after, dict)
        found = self._with_subgroups(page.items, is_searched=bool(text))
        groups = [self._group(one) for one in found]
        if text:
            # Keycloak also returns the groups above those that it found.
            groups = [one for one in groups if normalize_key(text) in normalize_key(one.name)]
        return Page(groups, page.next)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        key = group_id if self.key == "id" else self._id_of(group_id)
        answer = self.api.json(f"/groups/{segment(key)}/members", **_parameters("", after))
        return _page(answer, after, _person)

    def _id_of(self, name: str) -> str:
        """Return the id of the group with this path or name.

        :raises DirectoryFailed: if several have the name, which tokens do not tell apart.
        """
        answer = self.api.json("/groups", search=name.rpartition("/")[2], exact="true")
        found = self._with_subgroups(objects(answer), is_searched=True)
        named = {text(one, "id"): one for one in found if self._group(one).id == name}
        if len(named) > 1:
            paths = ", ".join(sorted(text(one, "path") for one in named.values()))
            raise DirectoryFailed(
                "ambiguous-group",
                f"Keycloak has several groups named “{name}”: {paths}. Tokens do not tell them "
                "apart. Turn on “Full group path” in the mapper.",
            )
        return next(iter(named), name)

    def _with_subgroups(self, groups: list[Json], *, is_searched: bool) -> Iterator[Json]:
        """Yield each group and its subgroups, at all levels."""
        waiting = groups[::-1]
        requests = 0
        while waiting:
            group = waiting.pop()
            yield group
            inner, count = objects(group.get("subGroups")), group.get("subGroupCount")
            # Since version 23, only a search returns subgroups together with their group.
            is_short = isinstance(count, int) and count > len(inner) and not is_searched
            if is_short and requests < MAX_REQUESTS:
                requests += 1
                path = f"/groups/{segment(text(group, 'id'))}/children"
                inner = objects(self.api.json(path, first=0, max=MAX_SUBGROUPS))
            waiting += inner[::-1]

    def _group(self, answer: Json) -> Group:
        path = text(answer, "path", "name")
        keys = {"name": text(answer, "name") or path, "path": path, "id": text(answer, "id")}
        return Group(keys[self.key], path)


def _parameters(sought: str, after: str) -> dict[str, str | int]:
    first = start_of(after)
    return {"first": first, "max": PAGE + 1} | ({"search": sought} if sought else {})


def _page(answer: Any, after: str, how: Any) -> Page[Any]:
    found = objects(answer)
    first = start_of(after)
    following = str(first + PAGE) if len(found) > PAGE else ""
    return Page([how(one) for one in found[:PAGE]], following)


def _person(answer: Json) -> DirectoryPerson:
    name = f"{text(answer, 'firstName')} {text(answer, 'lastName')}".strip()
    return DirectoryPerson(
        id=text(answer, "id"),
        name=name or text(answer, "username"),
        email=text(answer, "email"),
        login=text(answer, "username"),
        problem=AccountProblem.DISABLED if answer.get("enabled") is False else "",
    )
