"""Hooks: what other apps add to `people`, which imports none of them.

An app describes its hooks in an `AppHooks` and registers it in `AppConfig.ready()`. The functions
below call the registered apps, in the order of INSTALLED_APPS. Without an app, each returns a
neutral result: nobody has an identity, no connection owns people, and no page exists.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from people.models import Event, Person, Role, Tenant
from people.models.personal_data import PersonalData
from people.pairing import NoPairing, Pairing
from people.provider_facts import ContactDetails, Owner, ScimResource, TenantActivity
from people.tenancy import TenantOwned

if TYPE_CHECKING:
    from people.presentation.attention import AttentionItem, AttentionRows
    from people.presentation.diagnosis import DiagnosisQuery, Finding
    from people.presentation.overview_panels import ServiceState, SetupStep
    from people.presentation.person_notices import Notice
    from people.presentation.search import SearchQuery, SearchResult
    from people.presentation.sign_in_methods import SignInMethod

Subscriber = Callable[[Event], object]


class UnknownSubscriber(LookupError):
    """No app has registered the subscriber of a delivery."""


class Page(Enum):
    """A page of one app to which other apps link."""

    TEAM_UPDATES = auto()
    PENDING_INVITES = auto()
    # The providers that can be connected, and the settings of the connections.
    INTEGRATIONS = auto()
    CONNECTION_SETTINGS = auto()
    # The settings of the tenant with this slug.
    TENANT_SETTINGS = auto()
    # The mappings of sign-in groups to roles, of the tenant with this slug.
    GROUP_MAPPINGS = auto()
    CONFIRM_IDENTITY = auto()
    # On which a person sets up their own second factor.
    SECOND_FACTOR = auto()
    # On which a person adds a passkey of their own.
    ADD_PASSKEY = auto()
    # The sign-in attempts of the tenant with this slug.
    SIGN_IN_LOG = auto()


@dataclass(frozen=True)
class Subscription:
    """A function that is called with each event of some kinds, sometimes twice."""

    # Stored in `Delivery.subscriber`, so it stays when the function moves.
    name: str
    function: Subscriber
    kinds: Collection[str]
    # If there are any, only events that change one of these fields count.
    fields: frozenset[str] = frozenset()

    def includes(self, kind: str, changes: Collection[str]) -> bool:
        return kind in self.kinds and (not self.fields or not self.fields.isdisjoint(changes))


@dataclass(frozen=True)
class CountedRows:
    """Rows with an increasing integer key, which `operations.daily_counts` counts by day."""

    # Stored in `CountedSource.name`.
    name: str
    model: type[TenantOwned]
    time: str
    # The fields of which `metric` needs the values.
    fields: tuple[str, ...]
    # Returns the metric of a row, or None for a row that does not count.
    metric: Callable[..., str | None]


class SignInMethods(Protocol):
    def __call__(self, person: Person, *, may_link: bool) -> Iterable["SignInMethod"]: ...


class FindIdentified(Protocol):
    def __call__(self, attribute: str, values: Collection[str]) -> Iterable[tuple[str, UUID]]:
        """Yield the value and the person of each live resource that has one of these values.

        :param attribute: "user_name" or "external_id".
        :param values: userNames normalized, or externalIds as they are.
        """


@dataclass(frozen=True, kw_only=True)
class AppHooks:
    """The part of one app. What the app leaves out is None or empty."""

    subscriptions: Sequence[Subscription] = ()
    # URL names by page.
    pages: Mapping[Page, str] = field(default_factory=dict)
    # The URL of the app's page about one request, if it has one.
    request_url: Callable[[UUID], str] | None = None

    # For the access diagnosis.
    causes: Callable[["DiagnosisQuery"], Iterable["Finding"]] | None = None
    # For the search: the app's rows, and its pages by their names. Only administrators see them.
    search: Callable[["SearchQuery"], Iterable["SearchResult"]] | None = None
    # Banners at the top of a person's page.
    notices: Sequence[Callable[[Person], Iterable["Notice"]]] = ()
    # Rows that Team updates lists beside those of people, by their name in the API.
    team_updates: Mapping[str, Callable[[], QuerySet[Any]]] = field(default_factory=dict)

    # For the overview: what needs attention, the state of what the app connects, and the steps of
    # the setup checklist.
    attention: Callable[[Tenant], Iterable["AttentionItem | AttentionRows"]] | None = None
    services: Callable[[Tenant], Iterable["ServiceState"]] | None = None
    setup_steps: Callable[[Tenant], Iterable["SetupStep"]] | None = None
    # Tells whether a group of an identity provider grants any role.
    has_group_mappings: Callable[[], bool] | None = None
    counted_rows: Sequence[CountedRows] = ()

    sign_in_methods: SignInMethods | None = None
    has_signed_in: Callable[[Person], bool] | None = None
    retire_identities: Callable[[Person], object] | None = None
    # The issuer and the subject of these people at their OpenID provider, also after they left.
    provider_subjects: Callable[[Collection[UUID]], Mapping[UUID, tuple[str, str]]] | None = None
    # Blank if the password is correct.
    password_problem: Callable[[Person, str], str] | None = None

    # The actors of the tenant in force that are connections or providers, such as "scim:okta".
    actors: Callable[[], Iterable[str]] | None = None
    # The name of a SCIM provider by its key, such as Okta for "okta".
    provider_name: Callable[[str], str] | None = None
    # Returns None for an actor of another app.
    owner_of_people: Callable[[str], Owner | None] | None = None
    active_at_provider: Callable[[Person], str] | None = None
    # By the keys of people; those without details may be missing.
    contact_details: Callable[[Collection[UUID]], Mapping[UUID, ContactDetails]] | None = None
    role_confirmed_at: Callable[[Person], datetime | None] | None = None
    is_role_mapped: Callable[[Role], bool] | None = None
    pairing: Pairing | None = None
    # By the key of the tenant, for operators. It reads across tenants.
    tenant_activity: Callable[[Collection[int]], Mapping[int, TenantActivity]] | None = None
    # Finds people by what identity providers call them.
    people_identified: FindIdentified | None = None
    # The SCIM resources of these people; the latest of somebody whose resource was deleted.
    scim_resources: Callable[[Collection[UUID]], Mapping[UUID, ScimResource]] | None = None
    # The method of SCIM requests, by their id and the person whose User resource they wrote.
    scim_methods: Callable[[Collection[UUID]], Mapping[tuple[UUID, UUID], str]] | None = None
    # The `txn` of events, by the id of SCIM requests for which it is not this id.
    scim_transactions: Callable[[Collection[UUID]], Mapping[UUID, str]] | None = None
    # The externalIds of these people at live connections; those without one may be missing.
    external_ids: Callable[[Collection[UUID]], Mapping[UUID, str]] | None = None
    # The rows that are personal data, for the export and the erasure of a person.
    personal_data: Sequence[PersonalData] = ()
    # The custom fields of these people that a connection fills: its name, by external name.
    managed_custom_fields: Callable[[Collection[UUID]], Mapping[UUID, Mapping[str, str]]] | None = (
        None
    )


registered: list[AppHooks] = []


def register(app: AppHooks) -> None:
    registered.append(app)


def subscriptions_to(kind: str, changes: Collection[str]) -> list[Subscription]:
    """Return the subscriptions to events of this kind that change these fields."""
    every = (one for app in registered for one in app.subscriptions)
    return [one for one in every if one.includes(kind, changes)]


def subscriber(name: str) -> Subscriber:
    """Return the function that is registered under the name.

    :raises UnknownSubscriber: if there is none.
    """
    for app in registered:
        for subscription in app.subscriptions:
            if subscription.name == name:
                return subscription.function
    raise UnknownSubscriber(f"no app has registered {name}")


def url_of(page: Page, *args: object) -> str:
    """Return the URL of the page, blank if no app has it."""
    for app in registered:
        if page in app.pages:
            return reverse(app.pages[page], args=args)
    return ""


def request_url(request_id: UUID) -> str:
    """Return the URL of an app's own page about the request, blank if there is none."""
    urls = (app.request_url(request_id) for app in registered if app.request_url)
    return next(filter(None, urls), "")


def causes(query: "DiagnosisQuery") -> Iterator["Finding"]:
    """Yield all causes and the evidence for an access diagnosis."""
    for app in registered:
        if app.causes:
            yield from app.causes(query)


def search_results(query: "SearchQuery") -> Iterator["SearchResult"]:
    """Yield what an administrator finds in all apps."""
    for app in registered:
        if app.search:
            yield from app.search(query)


def notices_about(person: Person) -> Iterator["Notice"]:
    for app in registered:
        for notices in app.notices:
            yield from notices(person)


def team_updates() -> dict[str, Callable[[], QuerySet[Any]]]:
    return {name: rows for app in registered for name, rows in app.team_updates.items()}


def attention_items(tenant: Tenant) -> Iterator["AttentionItem | AttentionRows"]:
    for app in registered:
        if app.attention:
            yield from app.attention(tenant)


def services(tenant: Tenant) -> Iterator["ServiceState"]:
    for app in registered:
        if app.services:
            yield from app.services(tenant)


def setup_steps(tenant: Tenant) -> Iterator["SetupStep"]:
    for app in registered:
        if app.setup_steps:
            yield from app.setup_steps(tenant)


def has_group_mappings() -> bool:
    return any(app.has_group_mappings() for app in registered if app.has_group_mappings)


def counted_rows() -> Iterator[CountedRows]:
    for app in registered:
        yield from app.counted_rows


def sign_in_methods(person: Person, *, may_link: bool = False) -> list["SignInMethod"]:
    """Return how the person signs in, then what could be linked.

    With `may_link` these are the providers that the person may link themselves, otherwise the
    refused sign-ins that an administrator may link.
    """
    hooks = (app.sign_in_methods for app in registered if app.sign_in_methods)
    return [method for hook in hooks for method in hook(person, may_link=may_link)]


def has_signed_in(person: Person) -> bool:
    """Tell whether the person has ever signed in through a provider."""
    return any(app.has_signed_in(person) for app in registered if app.has_signed_in)


def retire_identities(person: Person) -> None:
    """Retire the identities of a person who left, so that they can no longer sign in."""
    for app in registered:
        if app.retire_identities:
            app.retire_identities(person)


def provider_subjects(people: Collection[UUID]) -> dict[UUID, tuple[str, str]]:
    """Return the issuer and subject by which these people sign in, for those who have one."""
    hooks = (app.provider_subjects for app in registered if app.provider_subjects)
    return {person: names for hook in hooks for person, names in hook(people).items()}


def password_problem(person: Person, password: str) -> str:
    """Return why the password of a signed-in person is refused; blank if it is correct."""
    for app in registered:
        if app.password_problem:
            return app.password_problem(person, password)
    return "" if person.check_password(password) else "Incorrect password."


def actors() -> list[str]:
    """Return the actors of the tenant that are connections or sign-in providers."""
    return [actor for app in registered if app.actors for actor in app.actors()]


def provider_name(provider: str) -> str:
    """Return the display name of the provider with this key."""
    for app in registered:
        if app.provider_name:
            return app.provider_name(provider)
    return provider.capitalize()


def owner_of_people(actor: str) -> Owner:
    """Return the connection or provider that acts under this actor, such as "scim:okta"."""
    for app in registered:
        if app.owner_of_people and (owner := app.owner_of_people(actor)):
            return owner
    return Owner(actor.partition(":")[2], 0)


def active_at_provider(person: Person) -> str:
    """Return the name of the connection whose provider last said that the person is active.

    Blank if there is none.
    """
    names = (app.active_at_provider(person) for app in registered if app.active_at_provider)
    return next(filter(None, names), "")


def contact_details(people: Collection[UUID]) -> dict[UUID, ContactDetails]:
    """Return the job titles and phone numbers of these people, with one query for each app."""
    found: dict[UUID, ContactDetails] = {}
    for app in registered:
        if app.contact_details:
            found |= app.contact_details(people)
    return found


def role_confirmed_at(person: Person) -> datetime | None:
    """Return when a provider last confirmed the base role of the person."""
    hooks = (app.role_confirmed_at for app in registered if app.role_confirmed_at)
    return max((at for hook in hooks if (at := hook(person))), default=None)


def is_role_mapped(role: Role) -> bool:
    """Tell whether a group of an identity provider grants the role."""
    return any(app.is_role_mapped(role) for app in registered if app.is_role_mapped)


def pairing() -> Pairing:
    # Only the app `scim` provisions people, so there is at most one.
    return next((app.pairing for app in registered if app.pairing), NoPairing())


def tenant_activity(tenants: Collection[int]) -> Mapping[int, TenantActivity]:
    """Return the activity of the tenants with these keys; without an app, nothing ever came."""
    # Only the app `scim` has connections, so there is at most one.
    found = (app.tenant_activity(tenants) for app in registered if app.tenant_activity)
    return next(found, {})


def has_identifiers() -> bool:
    """Tell whether people may have a userName or an externalId at an identity provider."""
    return any(app.people_identified for app in registered)


def people_identified(attribute: str, values: Collection[str]) -> Iterator[tuple[str, UUID]]:
    """Yield the people of the tenant in force who have these identifiers at a provider."""
    for app in registered:
        if app.people_identified:
            yield from app.people_identified(attribute, values)


def scim_resources(people: Collection[UUID]) -> dict[UUID, ScimResource]:
    """Return the SCIM resources of these people, for those who have one."""
    hooks = (app.scim_resources for app in registered if app.scim_resources)
    return {person: resource for hook in hooks for person, resource in hook(people).items()}


def scim_methods(requests: Collection[UUID]) -> dict[tuple[UUID, UUID], str]:
    """Return the methods of these SCIM requests, by request and person of the User resource."""
    hooks = (app.scim_methods for app in registered if app.scim_methods)
    return {key: method for hook in hooks for key, method in hook(requests).items()}


def scim_transactions(requests: Collection[UUID]) -> dict[UUID, str]:
    """Return the `txn` of these requests, for operations of asynchronous SCIM requests."""
    hooks = (app.scim_transactions for app in registered if app.scim_transactions)
    return {request: txn for hook in hooks for request, txn in hook(requests).items()}


def external_ids(people: Collection[UUID]) -> dict[UUID, str]:
    """Return the externalIds of these people, with one query for each app."""
    found: dict[UUID, str] = {}
    for app in registered:
        if app.external_ids:
            found |= app.external_ids(people)
    return found


def managed_custom_fields(people: Collection[UUID]) -> dict[UUID, Mapping[str, str]]:
    """Return the custom fields that connections fill: their names, by person and field."""
    hooks = (app.managed_custom_fields for app in registered if app.managed_custom_fields)
    return {person: fields for hook in hooks for person, fields in hook(people).items()}
