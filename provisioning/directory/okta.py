"""Okta's directory: the Users and Groups APIs, with an API token of a read-only administrator.

https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User and …/Group;
pages are linked by the Link header (https://developer.okta.com/docs/api/#pagination).
"""

from urllib.parse import parse_qs, urlsplit

from provisioning.claims import Group
from provisioning.directory.api import Api, Json, objects, read, segment, text
from provisioning.directory.base import PAGE, DirectoryPerson, Page
from provisioning.models import IdentityProvider
from provisioning.net.safe_http import HttpAnswer
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of


class OktaDirectory:
    is_live = True

    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        parts = urlsplit(settings.issuer)
        base = settings.directory_url or f"{parts.scheme}://{parts.netloc}"
        token = manage.directory_token_of(provider)
        self.api = Api(f"{base}/api/v1", {"Authorization": f"SSWS {token}"})

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.get("/users", **_parameters(text, after))
        return Page([_person(one) for one in _listed(answer)], _next(answer))

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/users/{segment(key)}")
        return _person(answer) if isinstance(answer, dict) else None

    def groups_of(self, key: str) -> list[Group] | None:
        answer = self.api.json(f"/users/{segment(key)}/groups")
        return None if answer is None else [_group(one) for one in objects(answer)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        answer = self.api.get("/groups", **_parameters(text, after))
        return Page([_group(one) for one in _listed(answer)], _next(answer))

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.get(f"/groups/{segment(group_id)}/users", **_parameters("", after))
        return Page([_person(one) for one in _listed(answer)], _next(answer))


def _parameters(sought: str, after: str) -> dict[str, str | int]:
    parameters: dict[str, str | int] = {"limit": PAGE}
    return parameters | ({"q": sought} if sought else {}) | ({"after": after} if after else {})


def _listed(answer: HttpAnswer | None) -> list[Json]:
    return objects(read(answer)) if answer else []


def _next(answer: HttpAnswer | None) -> str:
    """Return the cursor of the next page; of the link nothing else is believed."""
    headers = answer.headers if answer else {}
    links = next((value for name, value in headers.items() if name.lower() == "link"), "")
    for link in links.split(","):
        address, _, relation = link.partition(";")
        if 'rel="next"' in relation:
            query = parse_qs(urlsplit(address.strip(" <>")).query)
            return next(iter(query.get("after", [])), "")
    return ""


def _person(user: Json) -> DirectoryPerson:
    profile = user.get("profile") if isinstance(user.get("profile"), dict) else {}
    assert isinstance(profile, dict)
    name = f"{text(profile, 'firstName')} {text(profile, 'lastName')}".strip()
    details = {name: text(profile, name) for name in ("department", "title", "city")}
    return DirectoryPerson(
        id=text(user, "id"),
        name=text(profile, "displayName") or name or text(profile, "login"),
        email=text(profile, "email"),
        login=text(profile, "login"),
        details={name: value for name, value in details.items() if value},
    )


def _group(group: Json) -> Group:
    profile = group.get("profile")
    name = text(profile, "name") if isinstance(profile, dict) else ""
    # Okta's tokens list groups by name, and that is what mappings compare.
    return Group(name or text(group, "id"), name or text(group, "id"))
