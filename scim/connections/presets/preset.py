"""The contents of an identity provider's preset; docs/scim.md names the sources of the facts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from people.presentation.setup_steps import Part, parts_of
from scim.connections.presets.steps import SampleUsers, SelfTestSteps, operation
from scim.models import Connection
from scim.rfc.strict_json import Json

ROLES = "BUSINESS_OWNER, BUSINESS_ADMIN, BUSINESS_USER, BUSINESS_BOOKKEEPER, IT_ADMIN, GUEST_USER"


@dataclass(frozen=True)
class AttributeRow:
    """A row of the attribute table, with the exact names on both sides."""

    field: str
    theirs: str
    ours: str
    namespace: str = ""
    is_required: bool = True
    # False if `theirs` describes a value instead of naming it.
    is_literal: bool = True


@dataclass(frozen=True, kw_only=True)
class Guide:
    """The setup guide of one provider."""

    title: str
    # The name to use in sentences.
    name: str
    summary: str
    # Further search terms for this provider.
    also: str
    cycle: str
    theirs: str
    ours: str
    # With the markup of `people.presentation.setup_steps`.
    steps: Sequence[str]
    mappings: Sequence[AttributeRow]
    # A document to paste at the provider, if it asks for one, and the name of the field there.
    template_name: str = ""
    template: str = ""
    roles: str
    test: str
    # How to end the connection at the provider.
    ending: str

    @property
    def lines(self) -> list[list[Part]]:
        return [parts_of(step) for step in self.steps]


def optional(
    field: str, theirs: str, ours: str, namespace: str = "", *, is_literal: bool = True
) -> AttributeRow:
    return AttributeRow(field, theirs, ours, namespace, is_required=False, is_literal=is_literal)


@dataclass(frozen=True, kw_only=True)
class ScimPreset:
    """An identity provider: its setup guide, its defaults and its self-test."""

    guide: Guide
    # How soon a change arrives, according to the provider.
    cadence: str
    # The policy of a new connection for requests without a required field.
    incomplete: Connection.Incomplete
    # Another installation of the provider never has the same externalIds, so that people of an
    # earlier connection can be found by them.
    has_lasting_ids: bool = False
    # Our roles by the provider's names for them, if it has names of its own.
    app_roles: Mapping[str, str] = field(default_factory=dict)
    # The requests of the self-test, and their headers, if there is a self-test.
    self_test_steps: Callable[[SampleUsers], SelfTestSteps] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    # How the example of a dry run changes a value: by this operation of a PATCH, or by a PUT.
    update_operation: str | None = "replace"
    # How the example of a dry run deactivates somebody.
    deactivation: Json = field(default_factory=lambda: operation("replace", "active", value=False))
