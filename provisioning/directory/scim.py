"""Any directory behind SCIM 2.0, with a token.

RFC 7644 section 3.4.2 and RFC 7643 sections 4.1 and 4.2. `active` says whether an account can be
used (RFC 7643 section 4.1.1).
"""

import json
from typing import Any

from people.values import normalize_key
from provisioning.claims import Group
from provisioning.directory.api import Api, ApiDirectory, Json, named_group, objects, segment, text
from provisioning.directory.base import (
    PAGE,
    AccountProblem,
    DirectoryFailed,
    DirectoryPerson,
    Page,
    start_of,
)
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of


class ScimDirectory(ApiDirectory):
    # Where sign-ins and SCIM are two products, the subject is another id.
    subject_is_id = False

    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        if not settings.directory_url:
            raise DirectoryFailed(
                "no-directory", "The API URL of the SCIM directory is missing. Enter it."
            )
        token = manage.directory_token_of(provider)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/scim+json"}
        self.api = Api(settings.directory_url, headers)

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        names = ("userName", "displayName", "name.givenName", "name.familyName")
        sought = " or ".join(f"{name} co {json.dumps(text)}" for name in names)
        answer = self.api.json("/Users", **_parameters(sought if text else "", after))
        return _page(answer, after, _person)

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/Users/{segment(key)}")
        return _person(answer) if isinstance(answer, dict) else None

    def named(self, name: str) -> list[DirectoryPerson]:
        """Return the accounts with this login or address.

        :raises DirectoryFailed: if the server ignores the filter. Otherwise Ramp could take another
            account for that of the person.
        """
        for attribute in ("userName", "emails.value") if "@" in name else ("userName",):
            sought = f"{attribute} eq {json.dumps(name)}"
            found = _resources(self.api.json("/Users", **_parameters(sought, "")))
            if not all(normalize_key(name) in _names_of(one) for one in found):
                raise DirectoryFailed(
                    "filter-ignored",
                    f"{self.api.base} returns other people for the filter “{attribute} eq”. Have "
                    "it support this filter (RFC 7644 section 3.4.2.2).",
                )
            if found:
                return [_person(one) for one in found]
        return []

    def groups_of(self, key: str) -> list[Group] | None:
        answer = self.api.json(f"/Users/{segment(key)}")
        listed = answer.get("groups") if isinstance(answer, dict) else None
        if listed is None:
            return None
        return [Group(text(one, "value"), text(one, "display", "value")) for one in objects(listed)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        sought = f"displayName co {json.dumps(text)}" if text else ""
        parameters = _parameters(sought, after) | {"excludedAttributes": "members"}
        return _page(self.api.json("/Groups", **parameters), after, named_group)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.json(f"/Groups/{segment(group_id)}", attributes="members")
        listed = objects(answer.get("members")) if isinstance(answer, dict) else []
        # A nested group is no person (RFC 7643 section 4.2).
        members = [one for one in listed if text(one, "type").casefold() != "group"]
        start = start_of(after)
        people = [
            DirectoryPerson(id=text(one, "value"), name=text(one, "display", "value"))
            for one in members[start : start + PAGE]
        ]
        following = str(start + PAGE) if len(members) > start + PAGE else ""
        return Page(people, following, has_groups=len(members) < len(listed))


def _parameters(sought: str, after: str) -> dict[str, str | int]:
    start = start_of(after) or 1
    return {"startIndex": start, "count": PAGE} | ({"filter": sought} if sought else {})


def _page(answer: Any, after: str, how: Any) -> Page[Any]:
    found = _resources(answer)
    total = answer.get("totalResults") if isinstance(answer, dict) else 0
    following = (start_of(after) or 1) + len(found)
    has_more = bool(found) and isinstance(total, int) and following <= total
    return Page([how(one) for one in found], str(following) if has_more else "")


def _resources(answer: Any) -> list[Json]:
    return objects(answer.get("Resources")) if isinstance(answer, dict) else []


def _names_of(user: Json) -> set[str]:
    emails = (text(one, "value") for one in objects(user.get("emails")))
    return {normalize_key(name) for name in (text(user, "userName"), *emails)}


def _person(answer: Json) -> DirectoryPerson:
    name = answer.get("name") if isinstance(answer.get("name"), dict) else {}
    assert isinstance(name, dict)
    full = f"{text(name, 'givenName')} {text(name, 'familyName')}".strip()
    emails = sorted(objects(answer.get("emails")), key=lambda one: not one.get("primary"))
    is_inactive = str(answer.get("active")).casefold() == "false"
    return DirectoryPerson(
        id=text(answer, "id"),
        name=text(answer, "displayName")
        or text(name, "formatted")
        or full
        or text(answer, "userName"),
        email=next((text(one, "value") for one in emails), ""),
        login=text(answer, "userName"),
        problem=AccountProblem.DISABLED if is_inactive else "",
        details={"title": text(answer, "title")} if text(answer, "title") else {},
    )
