"""Microsoft Entra's directory: Microsoft Graph v1.0, as the client that people sign in with.

https://learn.microsoft.com/graph/api/user-list, …/user-list-transitivememberof, …/group-list
and …/group-list-members; `$search` needs `ConsistencyLevel: eventual`. The client needs the
application permissions User.Read.All and GroupMember.Read.All.
"""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from provisioning.claims import Group
from provisioning.directory.api import Api, Json, client_token, objects, segment, text
from provisioning.directory.base import PAGE, DirectoryPerson, Page
from provisioning.models import IdentityProvider
from provisioning.providers.config import OidcSettings, settings_of

USUAL: Final = "https://graph.microsoft.com"
OF_PERSON: Final = "id,displayName,mail,userPrincipalName,department,jobTitle,officeLocation"
OF_GROUP: Final = "id,displayName"
MOST_GROUPS: Final = 999


class GraphDirectory:
    is_live = True

    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        base = settings.directory_url or USUAL
        token = client_token(provider, scope=f"{base}/.default")
        headers = {"Authorization": f"Bearer {token}", "ConsistencyLevel": "eventual"}
        self.api = Api(f"{base}/v1.0", headers)

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        search = _search(text, "displayName", "mail", "userPrincipalName")
        said = self.api.json("/users", **_asked(OF_PERSON, search, after))
        return Page([_person(one) for one in _values(said)], _next(said))

    def person(self, key: str) -> DirectoryPerson | None:
        said = self.api.json(f"/users/{segment(key)}", **{"$select": OF_PERSON})
        return _person(said) if isinstance(said, dict) else None

    def groups_of(self, key: str) -> list[Group] | None:
        path = f"/users/{segment(key)}/transitiveMemberOf/microsoft.graph.group"
        asked: dict[str, str | int] = {"$select": OF_GROUP, "$top": MOST_GROUPS}
        said = self.api.json(path, **asked)
        return None if said is None or _next(said) else [_group(one) for one in _values(said)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        asked = _asked(OF_GROUP, _search(text, "displayName"), after)
        said = self.api.json("/groups", **asked)
        return Page([_group(one) for one in _values(said)], _next(said))

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        path = f"/groups/{segment(group_id)}/members/microsoft.graph.user"
        said = self.api.json(path, **_asked(OF_PERSON, "", after))
        return Page([_person(one) for one in _values(said)], _next(said))


def _asked(select: str, search: str, after: str) -> dict[str, str | int]:
    asked: dict[str, str | int] = {"$select": select, "$top": PAGE}
    return (
        asked | ({"$search": search} if search else {}) | ({"$skiptoken": after} if after else {})
    )


def _search(words: str, *names: str) -> str:
    """Return the search for each of the attributes; quotes and backslashes mean nothing there."""
    plain = words.replace("\\", " ").replace('"', " ").strip()
    return " OR ".join(f'"{name}:{plain}"' for name in names) if plain else ""


def _values(said: Any) -> list[Json]:
    return objects(said.get("value")) if isinstance(said, dict) else []


def _next(said: Any) -> str:
    """Return the token of the next page; of the link nothing else is believed."""
    link = said.get("@odata.nextLink") if isinstance(said, dict) else None
    query = parse_qs(urlsplit(link).query) if isinstance(link, str) else {}
    return next(iter(query.get("$skiptoken", [])), "")


def _person(said: Json) -> DirectoryPerson:
    details = {
        "department": text(said, "department"),
        "title": text(said, "jobTitle"),
        "location": text(said, "officeLocation"),
    }
    return DirectoryPerson(
        id=text(said, "id"),
        name=text(said, "displayName", "userPrincipalName"),
        email=text(said, "mail"),
        login=text(said, "userPrincipalName"),
        details={name: value for name, value in details.items() if value},
    )


def _group(said: Json) -> Group:
    return Group(text(said, "id"), text(said, "displayName", "id"))
