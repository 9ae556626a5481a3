"""The settings of identity providers, by kind, and their validation.

`add_identity_provider` reads a JSON object, and the pages build the same object from a form. An
error lists everything that is missing, unknown or of the wrong type.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Final

from people.values import PeopleError
from provisioning.claims.groups import SEPARATORS
from provisioning.models import IdentityProvider
from provisioning.providers import restrictions
from provisioning.providers.directory_apis import DIRECTORY_APIS, GROUP_KEYS
from provisioning.providers.restrictions import Restrictions

Kind = IdentityProvider.Kind


class InvalidDefinition(PeopleError):
    code = "invalid-provider"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"Invalid identity provider: {' '.join(problems)}")
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    issuer: str
    client_id: str
    scopes: str = "openid profile email"
    # The claim that lists groups, or a path to it; Entra sends ids there.
    groups_claim: str = "groups"
    # How its groups are separated, if it is one text: a key of SEPARATORS.
    groups_separator: str = ""
    # For live browsing: the API of the provider's directory, and its URL if it is not the default.
    # Okta and SCIM need a `directory_token`; the others use the client's credentials.
    directory_kind: str = ""
    directory_url: str = ""
    # What tokens have for a group, for mapping one from the directory: a key of GROUP_KEYS.
    group_key: str = ""
    # How long ago the provider may have asked for credentials; 0 for any time.
    max_age_minutes: int = 0
    # Values with blanks between them. The ID token needs one of these as `acr`, and all of these in
    # `amr`.
    required_acr: str = ""
    required_amr: str = ""


@dataclass(frozen=True, kw_only=True)
class LdapSettings:
    # One or several addresses with blanks between them. The first one that answers is used.
    uri: str
    base_dn: str
    bind_dn: str = ""
    start_tls: bool = False
    # Blank for the base DN, or in Active Directory for the whole domain.
    group_base_dn: str = ""
    # {0} is replaced by the login name; in the group filter, by the DN of the person.
    user_filter: str = "(uid={0})"
    group_filter: str = "(member={0})"
    # Attribute names that differ from the default: {"email": "userPrincipalName"}.
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def servers(self) -> list[str]:
        return self.uri.replace(",", " ").split() or [self.uri]

    @property
    def dns_domain(self) -> str:
        """The DNS name of the domain: corp.example.com for DC=corp,DC=example,DC=com."""
        return ".".join(re.findall(r"(?i)\bdc\s*=\s*([^,]+)", self.domain))

    @property
    def domain(self) -> str:
        """The DN of the whole domain, which also contains people and groups outside of the base."""
        found = re.search(r"(?i)(?:^|,)\s*(dc=.*)$", self.base_dn)
        return found[1] if found else self.base_dn

    @property
    def is_active_directory(self) -> bool:
        """Whether the user filter names attributes or rules that only Active Directory has."""
        marks = ("samaccountname", "userprincipalname", "1.2.840.113556")
        return any(mark in self.user_filter.casefold() for mark in marks)

    @property
    def anybody(self) -> str:
        """The filter that matches everybody who can sign in."""
        sought = self.user_filter.replace("{0}", "*")
        return sought if sought.startswith("(") else f"({sought})"


@dataclass(frozen=True, kw_only=True)
class WindowsSettings:
    realms: list[str]
    # The name of the LDAP provider with these people's profiles and groups.
    directory: str = ""


OF_KIND: Final[Mapping[str, type[Any]]] = {
    Kind.OIDC: OidcSettings,
    Kind.LDAP: LdapSettings,
    Kind.WINDOWS: WindowsSettings,
}
# A year.
MAX_AGE_MINUTES: Final = 366 * 24 * 60
# The key of the secret, which is stored encrypted and separately.
SECRET_OF: Final[Mapping[str, str]] = {
    Kind.OIDC: "client_secret",
    Kind.LDAP: "bind_password",
    Kind.WINDOWS: "keytab",
}
PROFILE_ATTRIBUTES: Final = (
    *("given_name", "family_name", "name", "email", "department", "location"),
    *("subject", "login", "groups"),
)

# Other names for the profile attributes.
SYNONYMS: Final = {
    "first_name": "given_name",
    "last_name": "family_name",
    "display_name": "name",
    "mail": "email",
    "user_name": "login",
    "username": "login",
    "city": "location",
}


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """How the provider's people are found among those of a SCIM connection."""

    claim: str
    equals: str
    # The connection's key; blank if there is only one.
    connection: str = ""


@dataclass(frozen=True, kw_only=True)
class Definition:
    kind: str
    name: str
    settings: OidcSettings | LdapSettings | WindowsSettings
    secret: str = ""
    directory_token: str = ""
    provisions_people: bool = True
    browsing: str = IdentityProvider.Browsing.OFF
    pairing: Pairing | None = None
    adds_unverified: bool = False
    admission: Restrictions = field(default_factory=Restrictions)


def settings_of(provider: IdentityProvider) -> Any:
    """Return the settings of the provider's kind."""
    return OF_KIND[provider.kind](**provider.settings)


def read(document: Any) -> Definition:
    """Parse the JSON object.

    :raises InvalidDefinition: with everything that is wrong with it.
    """
    if not isinstance(document, dict):
        raise InvalidDefinition(["The file must contain one JSON object."])
    kind = str(document.get("kind"))
    if kind not in OF_KIND:
        raise InvalidDefinition(["“kind” must be oidc, ldap or windows."])
    problems = [*_problems(kind, document)]
    if problems:
        raise InvalidDefinition(problems)
    values = {one.name: document[one.name] for one in fields(OF_KIND[kind]) if one.name in document}
    if isinstance(values.get("scopes"), list):
        values["scopes"] = " ".join(values["scopes"])
    if "attributes" in values:
        named = values["attributes"].items()
        values["attributes"] = {SYNONYMS.get(name, name): attribute for name, attribute in named}
    pairing = document.get("paired_with_scim")
    return Definition(
        kind=kind,
        name=document["name"].strip(),
        settings=OF_KIND[kind](**values),
        secret=document.get(SECRET_OF[kind], ""),
        directory_token=document.get("directory_token", ""),
        provisions_people=document.get("provision_people", True),
        browsing=document.get("directory_browsing", IdentityProvider.Browsing.OFF),
        pairing=Pairing(**pairing) if pairing else None,
        adds_unverified=document.get("add_unverified", False),
        admission=Restrictions(**document.get("restrict_to") or {}),
    )


def stored(settings: OidcSettings | LdapSettings | WindowsSettings) -> dict[str, Any]:
    return asdict(settings)


def _problems(kind: str, document: Mapping[str, Any]) -> Iterator[str]:
    common = {"kind", "name", "provision_people", "directory_browsing", "paired_with_scim"}
    common |= {"add_unverified", "restrict_to"}
    own = {one.name: one for one in fields(OF_KIND[kind])}
    secrets = {SECRET_OF[kind]} | ({"directory_token"} if kind == Kind.OIDC else set())
    unknown = document.keys() - common - own.keys() - secrets
    if unknown:
        yield f"Unknown: {_listed(unknown)}."
    needed = {"name"} | {
        name
        for name, one in own.items()
        if one.default is MISSING and one.default_factory is MISSING
    }
    if kind != Kind.LDAP:
        needed.add(SECRET_OF[kind])
    missing = needed - {name for name, value in document.items() if value not in ("", None, [])}
    if missing:
        yield f"Missing: {_listed(missing)}."
    yield from _wrong_types(kind, document)
    yield from _wrong_pairing(document.get("paired_with_scim"))
    yield from _wrong_restrictions(kind, document)


def _wrong_types(kind: str, document: Mapping[str, Any]) -> Iterator[str]:
    texts = {one.name for one in fields(OF_KIND[kind]) if one.type is str} | {"name"}
    texts |= {SECRET_OF[kind], "directory_token"}
    for name in sorted(texts & document.keys()):
        is_list_of_scopes = name == "scopes" and _is_texts(document[name])
        if not isinstance(document[name], str) and not is_list_of_scopes:
            yield f"“{name}” must be text."
    for name in sorted({"provision_people", "add_unverified", "start_tls"} & document.keys()):
        if not isinstance(document[name], bool):
            yield f"“{name}” must be true or false."
    if document.get("directory_browsing", "off") not in IdentityProvider.Browsing.values:
        yield "“directory_browsing” must be off, cached_only or live."
    if kind == Kind.WINDOWS and not _is_texts(document.get("realms", [])):
        yield "“realms” must be a list of strings."
    yield from _wrong_ldap(document) if kind == Kind.LDAP else ()
    yield from _wrong_openid(document) if kind == Kind.OIDC else ()


def _wrong_openid(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("directory_kind", "") not in ["", *DIRECTORY_APIS]:
        yield f"“directory_kind” must be one of {_listed(DIRECTORY_APIS)}."
    max_age = document.get("max_age_minutes", 0)
    if type(max_age) is not int or not 0 <= max_age <= MAX_AGE_MINUTES:
        yield f"“max_age_minutes” must be a whole number from 0 to {MAX_AGE_MINUTES}."
    if document.get("group_key", "") not in [*GROUP_KEYS]:
        yield "“group_key” must be name, path, id or role."
    if document.get("groups_separator", "") not in [*SEPARATORS]:
        yield "“groups_separator” must be none, or one of the characters , ; | and space."


def _wrong_ldap(document: Mapping[str, Any]) -> Iterator[str]:
    attributes = document.get("attributes", {})
    if not isinstance(attributes, dict) or not _is_texts(list(attributes.values())):
        yield "“attributes” must be an object of strings."
    elif unknown := attributes.keys() - {*PROFILE_ATTRIBUTES, *SYNONYMS}:
        yield f"“attributes” can name {_listed(PROFILE_ATTRIBUTES)}, but not {_listed(unknown)}."
    for name in ("user_filter", "group_filter"):
        pattern = document.get(name, "({0})")
        if isinstance(pattern, str) and pattern.count("{0}") < 1:
            yield f"“{name}” must contain {{0}}, the placeholder for the name."


def _wrong_pairing(pairing: Any) -> Iterator[str]:
    if pairing is None:
        return
    if not isinstance(pairing, dict) or not {"claim", "equals"} <= pairing.keys() <= {
        *("claim", "equals", "connection")
    }:
        yield '“paired_with_scim” must be null or {"claim": …, "equals": …}.'
    elif not pairing["claim"] or not isinstance(pairing["claim"], str):
        yield "“paired_with_scim” must name a claim."
    elif pairing["equals"] not in ("externalId", "userName"):
        yield "“equals” must be externalId or userName."


def _wrong_restrictions(kind: str, document: Mapping[str, Any]) -> Iterator[str]:
    entered = document.get("restrict_to") or {}
    known = (*restrictions.LISTS, *restrictions.TEXTS)
    if not isinstance(entered, dict) or entered.keys() - set(known):
        yield f"“restrict_to” must be an object of {_listed(known)}."
        return
    for name in sorted(entered.keys() & set(restrictions.LISTS)):
        if not _is_texts(entered[name]):
            yield f"“{name}” must be a list of strings."
    for name in sorted(entered.keys() & set(restrictions.TEXTS)):
        if not isinstance(entered[name], str):
            yield f"“{name}” must be text."
    claim = entered.get("required_claim")
    if isinstance(claim, str) and claim and not all(map(str.strip, claim.partition("="))):
        yield "“required_claim” must have the form “department=Sales”."
    yield from _missing_restrictions(kind, document, entered) if kind == Kind.OIDC else ()


def _missing_restrictions(
    kind: str, document: Mapping[str, Any], entered: Mapping[str, Any]
) -> Iterator[str]:
    if restrictions.is_open(kind, document) and not any(entered.values()):
        known = (*restrictions.LISTS, *restrictions.TEXTS)
        yield (
            "Anyone can create an account at this issuer. Restrict who can sign in. Enter at "
            f"least one of {_listed(known)}."
        )
    elif restrictions.is_shared(document) and not entered.get("entra_tenants"):
        yield (
            "Accounts of every organization can sign in at this issuer. Enter the Entra directory "
            "(tenant) IDs of yours (“entra_tenants”)."
        )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
