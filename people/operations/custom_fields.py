"""Adds and deletes the custom fields of a tenant."""

from django.db import IntegrityError, transaction

from people import events, tenancy
from people.db.constraints import constraint_of
from people.models import CustomField, Event
from people.values import Actor, PeopleError


class CustomFieldTaken(PeopleError):
    code = "custom-field-taken"
    field = "external_name"

    def __init__(self) -> None:
        super().__init__("A custom field with this external name already exists.")


def add_custom_field(name: str, external_name: str, *, actor: Actor) -> CustomField:
    """Add a custom field. Identity providers fill it by its external name.

    :raises CustomFieldTaken: if another field has the external name.
    """
    try:
        with transaction.atomic():
            field = CustomField.objects.create(
                tenant_id=tenancy.current_id(), name=name, external_name=external_name
            )
            _record(field, before=None, after=name, actor=actor)
    # Two administrators may add the same field at once, so only the constraint can decide.
    except IntegrityError as error:
        if constraint_of(error) != "custom_field_name_taken":
            raise
        raise CustomFieldTaken from error
    return field


@transaction.atomic
def delete_custom_field(field: CustomField, *, actor: Actor) -> None:
    """Delete the custom field. The values that people have in it are kept."""
    _record(field, before=field.name, after=None, actor=actor)
    field.delete()


def _record(field: CustomField, *, before: str | None, after: str | None, actor: Actor) -> None:
    events.record(
        Event.Kind.ORGANIZATION_CHANGED,
        None,
        actor=actor,
        changes={"name": {"from": before, "to": after}},
        what="custom field",
        id=field.pk,
    )
