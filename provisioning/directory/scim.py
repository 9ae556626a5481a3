"""Any directory behind SCIM 2.0 (RFC 7644 sections 3.4.2 and 4.2 of RFC 7643), with a token."""

import json
from typing import Any

from provisioning.claims import Group
from provisioning.directory.api import Api, Json, objects, segment, text
from provisioning.directory.base import PAGE, DirectoryFailed, DirectoryPerson, Page, start_of
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of


class ScimDirectory:
    is_live = True

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
        said = self.api.json("/Users", **_asked(sought if text else "", after))
        return _page(said, after, _person)

    def person(self, key: str) -> DirectoryPerson | None:
        said = self.api.json(f"/Users/{segment(key)}")
        return _person(said) if isinstance(said, dict) else None

    def groups_of(self, key: str) -> list[Group] | None:
        said = self.api.json(f"/Users/{segment(key)}")
        listed = said.get("groups") if isinstance(said, dict) else None
        if listed is None:
            return None
        return [Group(text(one, "value"), text(one, "display", "value")) for one in objects(listed)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        sought = f"displayName co {json.dumps(text)}" if text else ""
        asked = _asked(sought, after) | {"excludedAttributes": "members"}
        return _page(self.api.json("/Groups", **asked), after, _group)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        said = self.api.json(f"/Groups/{segment(group_id)}", attributes="members")
        members = objects(said.get("members")) if isinstance(said, dict) else []
        start = start_of(after)
        people = [
            DirectoryPerson(id=text(one, "value"), name=text(one, "display", "value"))
            for one in members[start : start + PAGE]
        ]
        return Page(people, str(start + PAGE) if len(members) > start + PAGE else "")


def _asked(sought: str, after: str) -> dict[str, str | int]:
    start = start_of(after) or 1
    return {"startIndex": start, "count": PAGE} | ({"filter": sought} if sought else {})


def _page(said: Any, after: str, how: Any) -> Page[Any]:
    found = objects(said.get("Resources")) if isinstance(said, dict) else []
    total = said.get("totalResults", 0) if isinstance(said, dict) else 0
    following = (start_of(after) or 1) + len(found)
    return Page([how(one) for one in found], str(following) if found and following <= total else "")


def _person(said: Json) -> DirectoryPerson:
    name = said.get("name") if isinstance(said.get("name"), dict) else {}
    assert isinstance(name, dict)
    full = f"{text(name, 'givenName')} {text(name, 'familyName')}".strip()
    emails = sorted(objects(said.get("emails")), key=lambda one: not one.get("primary"))
    return DirectoryPerson(
        id=text(said, "id"),
        name=text(said, "displayName") or text(name, "formatted") or full or text(said, "userName"),
        email=next((text(one, "value") for one in emails), ""),
        login=text(said, "userName"),
        details={"title": text(said, "title")} if text(said, "title") else {},
    )


def _group(said: Json) -> Group:
    return Group(text(said, "id"), text(said, "displayName", "id"))
