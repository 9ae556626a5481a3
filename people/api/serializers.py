"""The serializers of people, of audit events and of errors, and the fields that others share."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.core.validators import RegexValidator
from rest_framework import serializers

from people import hooks
from people.api import examples
from people.models import CustomField, Event, Person
from people.models.field_table import PUBLISHED

# The maximum of PostgreSQL's bigint.
MAX = 2**63 - 1
# DRF itself refuses blank texts and null characters. These validators say so in the schema.
NOT_BLANK = RegexValidator(r"\S", "This field may not be blank.")
WITHOUT_NULL = RegexValidator(r"^[^\x00]*$", "Null characters are not allowed.")
NOT_BLANK_WITHOUT_NULL = RegexValidator(
    r"^[^\x00]*[^\s\x00][^\x00]*$", "Null characters are not allowed."
)


class WholeNumber(serializers.IntegerField):
    """An integer that must be a JSON integer: not "12", 12.0 or true."""

    default_error_messages: ClassVar = {"invalid": "Send an integer."}

    def to_internal_value(self, data: Any) -> int:
        # isinstance() would also accept true and false: bool is a subclass of int.
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A text that must be a JSON string: not 12."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """A UUID that must be a JSON string: DRF would also accept integers."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class BodySerializer(serializers.Serializer[Any]):
    """The body of a request. It refuses unknown fields, which would be ignored."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = (
            [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        )
        if unknown:
            message = f"Unknown field. Known: {', '.join(sorted(self.fields))}."
            raise serializers.ValidationError(dict.fromkeys(unknown, message))
        return super().to_internal_value(data)


class PeopleSerializer(serializers.ListSerializer[Any]):
    """Converts a page of people at once, with one query for what belongs to all of them."""

    def to_representation(self, data: Any) -> list[Any]:
        people, child = list(data), self.child
        assert isinstance(child, PersonSerializer), "it is the list of this serializer"
        child.external_ids = hooks.external_ids([one.pk for one in people])
        child.defined_fields = set(CustomField.objects.values_list("external_name", flat=True))
        return super().to_representation(people)


@examples.shown_as(examples.PERSON)
class PersonSerializer(serializers.ModelSerializer[Person]):
    """A person."""

    # Use it with `many=True` only: the list sets what it reads for all people at once.
    external_ids: Mapping[UUID, str]
    defined_fields: Collection[str]

    external_id = serializers.SerializerMethodField(
        help_text="The externalId at the identity provider that manages the person."
    )
    department = serializers.CharField(source="department.name", allow_null=True, read_only=True)
    location = serializers.CharField(source="location.name", allow_null=True, read_only=True)
    manager = serializers.UUIDField(source="manager_id", allow_null=True, read_only=True)
    is_manager = serializers.BooleanField(
        source="has_reports", read_only=True, help_text="Whether anybody reports to the person."
    )
    custom_roles = serializers.SerializerMethodField(help_text="The names of the custom roles.")
    custom_fields = serializers.SerializerMethodField(
        help_text="The values of the company's custom fields, by external name."
    )

    class Meta:
        model = Person
        list_serializer_class = PeopleSerializer
        fields = (
            *("id", "external_id", *PUBLISHED, "is_manager", "custom_roles", "custom_fields"),
            *("deactivates_at", "deactivated_at", "terminated_at", "created_at", "changed_at"),
        )
        read_only_fields = fields

    def get_external_id(self, person: Person) -> str | None:
        return self.external_ids.get(person.pk)

    def get_custom_roles(self, person: Person) -> list[str]:
        # Several sources may grant the same role.
        return list(dict.fromkeys(str(grant.role) for grant in person.grants.all()))

    def get_custom_fields(self, person: Person) -> dict[str, str]:
        # The values of deleted fields are kept, but no longer shown.
        return {
            name: value
            for name, value in person.custom_values.items()
            if name in self.defined_fields
        }


@examples.shown_as({"reason": "She left."})
class DeactivationReasonSerializer(BodySerializer):
    """The reason for a deactivation, for the history."""

    reason = Text(
        required=False,
        default="",
        allow_blank=True,
        max_length=500,
        validators=[WITHOUT_NULL],
        help_text="It is stored in the history.",
    )


@examples.shown_as(examples.TEAM_UPDATES)
class TeamUpdatesSerializer(serializers.Serializer[Any]):
    pending_invites = serializers.IntegerField()
    inactive_people = serializers.IntegerField()
    sync_errors = serializers.IntegerField()
    same_person_questions = serializers.IntegerField()
    withheld_roles = serializers.IntegerField()


class AuditChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


@examples.shown_as(examples.AUDIT_EVENT)
class AuditEventSerializer(serializers.Serializer[Any]):
    """An event of the audit log."""

    # Only for the schema: `record_of` in people/presentation makes the response.
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.ChoiceField(Event.Kind.choices)
    actor = serializers.CharField(help_text="Such as person:ada@example.com, or scim:okta.")
    actor_name = serializers.CharField()
    actor_person = serializers.UUIDField(allow_null=True, help_text="The actor, if a person.")
    person = serializers.UUIDField(allow_null=True, help_text="The person concerned.")
    person_name = serializers.CharField(allow_null=True)
    interface = serializers.ChoiceField(Event.Interface.choices, allow_null=True)
    ip = serializers.IPAddressField(allow_null=True)
    request_id = serializers.UUIDField(allow_null=True)
    summary = serializers.CharField(help_text="The event as a sentence.")
    note = serializers.CharField(allow_blank=True, help_text="The reason or the source.")
    changes = AuditChangeSerializer(many=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """An error. docs/errors.md lists the codes."""

    code = serializers.CharField()
    message = serializers.CharField(help_text="Human-readable message.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(),
        required=False,
        help_text="Errors by field, if they concern a field.",
    )
