"""Hooks: what other apps add to `people`, which imports none of them.

An app describes its hooks in an `AppHooks` and registers it in `AppConfig.ready()`. The functions
below call the registered apps, in the order of INSTALLED_APPS. Without an app, each returns a
neutral result: nobody has an identity, no connection owns people, and no page exists.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from people.models import Event, Person, Role

if TYPE_CHECKING:
    from people.presentation.diagnosis import DiagnosisQuery, Finding
    from people.presentation.person_notices import Notice
    from people.presentation.sign_in_methods import SignInMethod

Subscriber = Callable[[Event], object]


class UnknownSubscriber(LookupError):
    """No app has registered the subscriber of a delivery."""


class Page(Enum):
    """A page of one app to which other apps link."""

    TEAM_UPDATES = auto()
    # The providers that can be connected, and the settings of the connections.
    INTEGRATIONS = auto()
    CONNECTION_SETTINGS = auto()
    # The settings of the tenant with this slug.
    TENANT_SETTINGS = auto()
    CONFIRM_IDENTITY = auto()


class Owner(NamedTuple):
    """The name of a connection, and how many active or invited people it owns."""

    name: str
    people: int
    # Why nobody is mailed because of the connection at the moment; blank if they are.
    withheld_because: str = ""


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


class SignInMethods(Protocol):
    def __call__(self, person: Person, *, may_link: bool) -> Iterable["SignInMethod"]: ...


class Pairing(Protocol):
    """What sign-in asks about SCIM connections and the people they provision."""

    def connections(self) -> dict[str, str]:
        """Return the live connections of the tenant in force: names by key."""

    def connection_of(self, provider: str) -> str:
        """Return the key of this identity provider's live connection; blank unless it is one."""

    def latest_value(self, connection: str, attribute: str) -> str:
        """Return the externalId or userName of the user that the connection sent last."""

    def is_known(self, connection: str, attribute: str, value: str) -> bool:
        """Tell whether the connection ever sent a user with this externalId or userName."""

    def paired_person(self, connection: str, attribute: str, value: str) -> Person | None:
        """Return the person with this externalId or userName, if there is exactly one."""

    def is_provisioned(self, person: Person, *, besides: str = "") -> bool:
        """Tell whether a live connection other than `besides` owns the person."""

    def provisioned(self, *, besides: str = "") -> QuerySet[Any, Any]:
        """Return the keys of the people managed by a live connection other than `besides`."""


class NoPairing:
    """The answers where no app provisions people."""

    def connections(self) -> dict[str, str]:
        return {}

    def connection_of(self, provider: str) -> str:
        return ""

    def latest_value(self, connection: str, attribute: str) -> str:
        return ""

    def is_known(self, connection: str, attribute: str, value: str) -> bool:
        return False

    def paired_person(self, connection: str, attribute: str, value: str) -> Person | None:
        return None

    def is_provisioned(self, person: Person, *, besides: str = "") -> bool:
        return False

    def provisioned(self, *, besides: str = "") -> QuerySet[Any, Any]:
        nobody: QuerySet[Any, Any] = Person.objects.none().values_list("pk", flat=True)
        return nobody


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
    # Banners at the top of a person's page.
    notices: Sequence[Callable[[Person], Iterable["Notice"]]] = ()
    # Rows that Team updates lists beside those of people, by their name in the API.
    team_updates: Mapping[str, Callable[[], QuerySet[Any]]] = field(default_factory=dict)
    # How many rows of Team updates need an administrator.
    updates_to_review: Callable[[], str] | None = None

    sign_in_methods: SignInMethods | None = None
    has_signed_in: Callable[[Person], bool] | None = None
    retire_identities: Callable[[Person], object] | None = None
    # Blank if the password is correct.
    password_problem: Callable[[Person, str], str] | None = None

    # The name of a SCIM provider by its key, such as Okta for "okta".
    provider_name: Callable[[str], str] | None = None
    owner_of_people: Callable[[str], Owner] | None = None
    role_confirmed_at: Callable[[Person], datetime | None] | None = None
    is_role_mapped: Callable[[Role], bool] | None = None
    pairing: Pairing | None = None


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


def notices_about(person: Person) -> Iterator["Notice"]:
    for app in registered:
        for notices in app.notices:
            yield from notices(person)


def team_updates() -> dict[str, Callable[[], QuerySet[Any]]]:
    return {name: rows for app in registered for name, rows in app.team_updates.items()}


def updates_to_review() -> str:
    """Return how many rows of Team updates need an administrator, blank without that page."""
    counts = (app.updates_to_review() for app in registered if app.updates_to_review)
    return next(counts, "")


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


def password_problem(person: Person, password: str) -> str:
    """Return why the password of a signed-in person is refused; blank if it is correct."""
    for app in registered:
        if app.password_problem:
            return app.password_problem(person, password)
    return "" if person.check_password(password) else "Incorrect password."


def provider_name(provider: str) -> str:
    """Return the display name of the provider with this key."""
    for app in registered:
        if app.provider_name:
            return app.provider_name(provider)
    return provider.capitalize()


def owner_of_people(actor: str) -> Owner:
    """Return the connection that acts under this actor, such as "scim:okta"."""
    for app in registered:
        if app.owner_of_people:
            return app.owner_of_people(actor)
    return Owner(actor.partition(":")[2], 0)


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
