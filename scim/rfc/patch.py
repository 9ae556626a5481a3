"""Apply PATCH operations (RFC 7644 section 3.5.2) to a document.

The operations change a copy, so if one of them fails, the document stays unchanged. Values are
read as in `normalize`, and the result is in canonical form.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from scim2_models import (
    InvalidFilterException,
    InvalidValueException,
    MutabilityException,
    NoTargetException,
)

from scim.rfc import notes
from scim.rfc.dialects import FORMS, unwrapped
from scim.rfc.filter_match import Matcher
from scim.rfc.normalize import keep_manager_link, link_manager, normalize, schema_key
from scim.rfc.patch_elements import (
    add_or_update,
    assign,
    attribute_of,
    remove_listed,
    remove_selected,
    selected_elements,
    set_in_elements,
)
from scim.rfc.patch_operations import Operation
from scim.rfc.paths import Target, part_of
from scim.rfc.read_values import note_ignored, stored_name, value_of
from scim.rfc.schema import Attribute, ResourceType
from scim.rfc.strict_json import Json


def apply(
    document: Json,
    operations: Sequence[Operation],
    resource: ResourceType,
    *,
    is_stored: bool = True,
) -> Json:
    """Return the document after all operations, applied in order.

    An operation that fails is ignored if Ramp does not use the attribute that it changes.

    :param is_stored: False if the document is not that of the resource. Then it is not noted that
        it has no value that an operation selects.
    :raises SCIMException: if another operation fails, or the result is not a valid resource.
    """
    draft: Json = orjson.loads(orjson.dumps(document))
    # Ramp wrote this `$ref`. If it were read as the provider's value, a manager that an operation
    # removes would come back.
    link_manager(draft, None)
    for operation in operations:
        try:
            _apply_operation(draft, operation)
        except (InvalidValueException, InvalidFilterException, NoTargetException) as error:
            attribute, part = operation.target.attribute, operation.target.part
            # An invalid value is refused only if Ramp uses it.
            if attribute is None or (attribute.is_used and (part is None or part.is_used)):
                raise
            if isinstance(error, NoTargetException) and attribute.is_used:
                raise
            if is_stored or not isinstance(error, NoTargetException):
                notes.ignored(operation.target.text, str(error.detail).rstrip("."))
    return keep_manager_link(document, normalize(draft, resource, known=document))


def _apply_operation(draft: Json, operation: Operation) -> None:
    target = operation.target
    if target.selection is not None and target.attribute is not None:
        # An invalid selection is refused even if there is no element.
        Matcher(target.attribute, {}).visit(target.selection)
    if operation.value in (None, "", []) and (key := _foreign_extension_at(draft, target)):
        if operation.op != "add":
            draft.pop(key)
        return
    # An object without members changes no attribute (RFC 7644 section 3.5.2.3).
    if operation.op != "remove" and operation.value == {}:
        notes.understood(f"an empty object in {target.text} as no change", "")
        return
    _ACTIONS[operation.op](draft, operation)


def _foreign_extension_at(draft: Json, target: Target) -> str | None:
    """Return the name of the stored foreign extension whose URN is the whole path, if any.

    The URN of an unknown extension looks like the path of an attribute in it. Only the
    stored document shows whether the last part of the path is an attribute.
    """
    if target.schema is None or not target.schema.is_foreign:
        return None
    wanted = target.text.lower()
    return next((name for name in draft if name.lower() == wanted), None)


def _add(draft: Json, operation: Operation) -> None:
    """Apply an add (RFC 7644 section 3.5.2.1)."""
    target, attribute = operation.target, attribute_of(operation)
    container = _container(draft, target)
    if not attribute.multiple:
        _set(container, attribute, target.part, operation.value)
    elif target.selection is None and target.part is None:
        for element in value_of(attribute, operation.value) or []:
            add_or_update(container.setdefault(attribute.name, []), element)
    else:
        set_in_elements(container, operation)


def _replace(draft: Json, operation: Operation) -> None:
    """Apply a replace (RFC 7644 section 3.5.2.3).

    A complex attribute keeps the sub-attributes that the value does not contain.
    """
    target, attribute = operation.target, attribute_of(operation)
    container = _container(draft, target)
    if not attribute.multiple:
        _set(container, attribute, target.part, operation.value)
    elif target.part is not None:
        set_in_elements(container, operation)
    elif target.selection is None:
        assign(container, attribute.name, value_of(attribute, operation.value))
    elif operation.value in (None, "", [], {}):
        remove_selected(container, attribute, target.selection)
    else:
        set_in_elements(container, operation)


def _remove(draft: Json, operation: Operation) -> None:
    """Apply a remove (RFC 7644 section 3.5.2.2). Removing a missing value changes nothing.

    A value lists the elements to remove: Entra, JumpCloud, authentik and Rippling expect this
    (MS-TUT, JC-KB; entra-groups, rippling-exclusive-groups). The RFC would remove all elements.

    :raises MutabilityException: if the attribute is required.
    """
    target, attribute = operation.target, operation.target.attribute
    if attribute is None:
        assert target.schema is not None
        draft.pop(schema_key(draft, target.schema), None)
        return
    if attribute.required:
        raise MutabilityException(
            attribute=attribute.name,
            detail=f"“{attribute.name}” is required and cannot be removed.",
        )
    container = _container(draft, target)
    if attribute.multiple and target.selection is None and operation.value not in (None, ""):
        remove_listed(container, attribute, operation.value)
    elif attribute.multiple and target.part is not None:
        for element in selected_elements(container, target):
            element.pop(target.part.name, None)
    elif target.selection is not None:
        remove_selected(container, attribute, target.selection)
    elif target.part is not None:
        container.get(attribute.name, {}).pop(target.part.name, None)
    else:
        container.pop(stored_name(container, attribute), None)


_ACTIONS = {"add": _add, "replace": _replace, "remove": _remove}


def _container(draft: Json, target: Target) -> Json:
    """Return the object that contains the attribute: the document, or one of its extensions."""
    if target.schema is None:
        return draft
    container: Json = draft.setdefault(schema_key(draft, target.schema), {})
    return container


def _set(container: Json, attribute: Attribute, part: Attribute | None, value: Any) -> None:
    name = stored_name(container, attribute)
    if part is not None:
        read = value_of(part, value, attribute.name)
        assign(container.setdefault(name, {}), part.name, read)
        return
    value = unwrapped(value, name)
    read = value_of(attribute, value)
    form = FORMS.get(attribute)
    parts = form(value) if form else value
    if attribute.kind == "complex" and parts:
        _merge(container.setdefault(name, {}), attribute, parts)
    else:
        assign(container, name, read)


def _merge(stored: Json, attribute: Attribute, parts: Json) -> None:
    """Set the sub-attributes that `parts` contains; null and "" remove theirs."""
    for name, value in parts.items():
        part = part_of(attribute, name)
        if part is None or not part.is_written:
            continue
        try:
            assign(stored, part.name, value_of(part, value, attribute.name))
        except InvalidValueException as error:
            if part.is_used:
                raise
            note_ignored(error)
