"""Adds partners of the demo company who signed in through a provider that is disabled now.

There is no server behind the provider, so the sign-in page must not offer it. Its members, roles
and log remain as examples.
"""

from people.models import Person, Role
from people.operations.roles.group_mappings import Author
from people.values import Actor, normalize_key
from provisioning.claims import UNKNOWN, Claims, Group, Groups
from provisioning.group_roles import mappings
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import Definition, OidcSettings
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in

ACTOR = Actor("command", "demo")
PARTNERS = {
    "mina.osei": ("Mina", "Osei", ("Auditors", "Partners")),
    "jonas.berg": ("Jonas", "Berg", ("Partners",)),
    "lucia.romano": ("Lucia", "Romano", ()),
    "kofi.adu": ("Kofi", "Adu", None),
}


def let_partners_in() -> None:
    """Sign the partners in for the first time. One of them is refused: the address is taken."""
    settings = OidcSettings(issuer="https://id.partners.example", client_id="ramp")
    definition = Definition(
        kind=IdentityProvider.Kind.OIDC,
        name="Partner portal",
        settings=settings,
        secret="only-shown-to-nobody",  # noqa: S106 - it opens nothing
        browsing=IdentityProvider.Browsing.CACHED_ONLY,
    )
    portal = manage.add_provider(definition, actor=ACTOR)
    auditor, _ = Role.objects.get_or_create(
        tenant_id=portal.tenant_id, name_key=normalize_key("Auditor"), defaults={"name": "Auditor"}
    )
    author = Author(actor=ACTOR)
    mappings.map_group(portal, "Auditors", auditor, author=author)
    mappings.map_group(portal, "auditors team", Person.Role.BOOKKEEPER, author=author)
    mappings.add_draft(portal, "Partners", Person.Role.BOOKKEEPER, author=author)
    for login, (given, family, groups) in PARTNERS.items():
        known = None if groups is None else frozenset(Group(name, name) for name in groups)
        sign_in(portal, _claims(login, given, family, UNKNOWN if known is None else Groups(known)))
    owner: Person = Person.objects.active_owners()[0]
    try:
        sign_in(portal, _claims("o.lumen", "Olivia", "Lumen", UNKNOWN, email=owner.email))
    except SignInRefused:
        manage.change_provider(portal, definition, is_enabled=False, actor=ACTOR)


def _claims(login: str, given: str, family: str, groups: Groups, email: str = "") -> Claims:
    return Claims(
        subject=login,
        email=email or f"{login}@partners.example",
        given_name=given,
        family_name=family,
        groups=groups,
    )
