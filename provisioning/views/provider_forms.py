"""What the forms of all kinds of identity providers share. They are parsed like the JSON file."""

from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from people import hooks
from provisioning.models import IdentityProvider
from provisioning.providers import config, restrictions
from provisioning.providers.config import (
    SECRET_OF,
    Definition,
    InvalidDefinition,
)
from provisioning.views.form_fields import choice_input, text_input, tick_input

Kind = IdentityProvider.Kind
BROWSING = [
    (IdentityProvider.Browsing.OFF.value, "Off"),
    (IdentityProvider.Browsing.CACHED_ONLY.value, "Cached only: people who have signed in"),
    (IdentityProvider.Browsing.LIVE.value, "Live: the whole directory"),
]


class ProviderForm(forms.Form):
    """The fields of every kind. The secret is write-only: the form never shows it."""

    kind: ClassVar[str]
    # In the order of the page; the others follow.
    own: ClassVar[tuple[str, ...]] = ()
    # What the provider's sign-in has to be like; only OpenID Connect tells it.
    authentication: ClassVar[tuple[str, ...]] = ()
    restricting: ClassVar[tuple[str, ...]] = ("email_domains", "required_group")

    name = text_input("Name", "Shown on the sign-in page.")
    is_enabled = tick_input("Show on the sign-in page")
    provisions_people = tick_input(
        "Add people at their first sign-in",
        "If off, only invited, SCIM-provisioned or linked people can sign in.",
    )
    adds_unverified = tick_input(
        "Also add people whose email address the provider has not verified",
        "They receive an email to confirm the address. It is not used until they do.",
        initial=False,
    )
    email_domains = text_input(
        "Email domains", "For example, example.com. Separate several with commas.", required=False
    )
    required_group = text_input(
        "Required group",
        "The group’s ID, or its name if the provider sends names.",
        required=False,
    )
    browsing = forms.ChoiceField(
        label="Directory browsing",
        choices=BROWSING,
        initial=IdentityProvider.Browsing.OFF,
        widget=UnfoldAdminSelectWidget,
        help_text="Which people you can look up here.",
    )
    paired_connection = choice_input("Same directory as the SCIM connection")
    paired_claim = text_input(
        "Claim", "A claim with a value that SCIM also sends, such as oid or sub.", required=False
    )
    paired_attribute = choice_input(
        "Equals the SCIM attribute", [("externalId", "externalId"), ("userName", "userName")]
    )

    def __init__(self, *args: Any, provider: IdentityProvider | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        connections = hooks.pairing().connections()
        self.fields["paired_connection"].choices = [  # type: ignore[attr-defined]
            ("", "Not paired"),
            *connections.items(),
        ]
        secret = self.fields[self.secret_field]
        if provider and provider.secret:
            secret.help_text = "A secret is saved. Leave empty to keep it."
        else:
            # Only a directory can be asked without one.
            secret.required = self.kind != Kind.LDAP
        if provider is None:
            del self.fields["is_enabled"]
        elif provider.is_untested:
            self.fields["is_enabled"].label = "Show on the sign-in page, although it is not tested"

    @property
    def secret_field(self) -> str:
        return SECRET_OF[self.kind]

    @property
    def common_fields(self) -> list[Any]:
        names = ("name", "is_enabled", "provisions_people", "adds_unverified", "browsing")
        return [self[name] for name in names if name in self.fields]

    @property
    def own_fields(self) -> list[Any]:
        return [self[name] for name in self.own]

    @property
    def authentication_fields(self) -> list[Any]:
        return [self[name] for name in self.authentication]

    @property
    def restricting_fields(self) -> list[Any]:
        return [self[name] for name in self.restricting]

    @property
    def pairing_fields(self) -> list[Any]:
        return [self[n] for n in ("paired_connection", "paired_claim", "paired_attribute")]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("paired_connection") and not cleaned.get("paired_claim"):
            self.add_error("paired_claim", "Enter the claim that identifies the person.")
        if not self.errors:
            try:
                cleaned["definition"] = self._definition(cleaned)
            except InvalidDefinition as error:
                for problem in error.problems:
                    self.add_error(None, problem)
        return cleaned

    def _definition(self, cleaned: dict[str, Any]) -> Definition:
        secret = self.secret(cleaned)
        has_one = self.provider is not None and bool(self.provider.secret)
        pairing = {
            "connection": cleaned["paired_connection"],
            "claim": cleaned["paired_claim"],
            "equals": cleaned["paired_attribute"] or "externalId",
        }
        document = {
            "kind": self.kind,
            "name": cleaned["name"],
            "provision_people": cleaned["provisions_people"],
            "add_unverified": cleaned["adds_unverified"],
            "restrict_to": self.restrictions(cleaned),
            "directory_browsing": cleaned["browsing"],
            "paired_with_scim": pairing if pairing["connection"] else None,
            # A saved secret is represented by a placeholder while the rest is validated.
            self.secret_field: secret or ("kept" if has_one else ""),
            **self.settings(cleaned),
        }
        return replace(config.read(document), secret=secret)

    def restrictions(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        entered: dict[str, Any] = {name: cleaned[name].strip() for name in self.restricting}
        for name in restrictions.LISTS:
            if name in entered:
                entries = entered[name].split(",")
                entered[name] = [entry.strip() for entry in entries if entry.strip()]
        return entered

    def secret(self, cleaned: dict[str, Any]) -> str:
        return str(cleaned.get(self.secret_field) or "")

    def settings(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


def initial_of(provider: IdentityProvider) -> dict[str, Any]:
    """Return the initial values of a provider's form: everything except the secret."""
    kept = dict(provider.settings)
    if "realms" in kept:
        kept["realms"] = ", ".join(kept["realms"])
    kept["max_age_minutes"] = kept.get("max_age_minutes") or None
    if "attributes" in kept:
        kept["attributes"] = "\n".join(f"{k} = {v}" for k, v in kept["attributes"].items())
    kept |= {
        name: ", ".join(value) if isinstance(value, list) else value
        for name, value in provider.admission.items()
    }
    return kept | {
        name: getattr(provider, name)
        for name in (
            *("name", "is_enabled", "provisions_people", "adds_unverified", "browsing"),
            *("paired_connection", "paired_claim", "paired_attribute"),
        )
    }
