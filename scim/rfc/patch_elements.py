"""PATCH operations on the elements of a multi-valued attribute (RFC 7644 section 3.5.2)."""

from typing import Any

from scim2_models import InvalidValueException, NoTargetException
from scim2_models.path import FilterNode

from scim.rfc import notes
from scim.rfc.filter_match import Matcher, implied_values
from scim.rfc.patch_operations import Operation
from scim.rfc.paths import Target
from scim.rfc.read_values import MAX_VALUES, one_element, value_of
from scim.rfc.schema import Attribute
from scim.rfc.strict_json import Json


def assign(container: Json, name: str, value: Any) -> None:
    """Set the member of the object, or remove it if the value is None."""
    if value is None:
        container.pop(name, None)
    else:
        container[name] = value


def attribute_of(operation: Operation) -> Attribute:
    """Return the attribute that an add or a replace changes.

    :raises InvalidValueException: if the operation has no value.
    """
    attribute = operation.target.attribute
    assert attribute is not None
    if not operation.has_value:
        raise InvalidValueException(
            attribute=operation.target.text,
            detail=f"To {operation.op} “{operation.target.text[:200]}” needs a “value”.",
        )
    return attribute


def add_or_update(elements: list[Json], element: Json) -> None:
    """Add the element, or update the one with the same value and type.

    :raises InvalidValueException: if there are too many elements.
    """
    key = _identity(element)
    for existing in elements:
        if existing == element or (key is not None and _identity(existing) == key):
            existing.update(element)
            _make_only_primary(elements, existing)
            return
    _append(elements, element)
    _make_only_primary(elements, element)


def set_in_elements(container: Json, operation: Operation) -> None:
    """Change the elements that the path selects, or add one if it selects none.

    :raises InvalidValueException: if the value is invalid, or there are too many elements.
    :raises NoTargetException: as `_new_element`.
    """
    target, attribute = operation.target, attribute_of(operation)
    elements = container.setdefault(attribute.name, [])
    selected = selected_elements(container, target)
    if not selected:
        selected = [_new_element(operation)]
        _append(elements, selected[0])
    for element in selected:
        if target.part is not None:
            read = value_of(target.part, operation.value, attribute.name)
            assign(element, target.part.name, read)
        else:
            _update_element(element, operation)
        _make_only_primary(elements, element)


def selected_elements(container: Json, target: Target) -> list[Json]:
    """Return the elements that the selection of the path matches, or all without a selection."""
    attribute = target.attribute
    assert attribute is not None
    elements: list[Json] = container.get(attribute.name, [])
    if target.selection is None:
        return elements
    return [element for element in elements if Matcher(attribute, element).visit(target.selection)]


def remove_selected(container: Json, attribute: Attribute, selection: FilterNode) -> None:
    """Remove the elements that the selection matches."""
    container[attribute.name] = [
        element
        for element in container.get(attribute.name, [])
        if not Matcher(attribute, element).visit(selection)
    ]


def remove_listed(container: Json, attribute: Attribute, value: Any) -> None:
    """Remove the elements that the value of a remove operation lists.

    :raises InvalidValueException: if the value is invalid for the attribute.
    """
    listed: dict[Any, list[Json]] = {}
    for element in value_of(attribute, value) or []:
        listed.setdefault(element.get("value"), []).append(element)
    container[attribute.name] = [
        stored
        for stored in container.get(attribute.name, [])
        if not any(one.items() <= stored.items() for one in listed.get(stored.get("value"), []))
    ]


def _append(elements: list[Json], element: Json) -> None:
    if len(elements) >= MAX_VALUES:
        raise InvalidValueException(detail=f"There may be {MAX_VALUES} values at most.")
    elements.append(element)


def _identity(element: Json) -> tuple[Any, Any] | None:
    value = element.get("value")
    return None if value is None else (value, element.get("type"))


def _make_only_primary(elements: list[Json], changed: Json) -> None:
    """If the changed element is primary, make all others not primary (section 3.5.2)."""
    if changed.get("primary") is True:
        for element in elements:
            if element is not changed and element.get("primary") is True:
                element["primary"] = False


def _update_element(element: Json, operation: Operation) -> None:
    """Update the element with the object that an operation adds, or replace it by the object.

    A replaced element keeps the values that the selection of the path implies.
    """
    attribute = attribute_of(operation)
    value = one_element(attribute, operation.value)
    if operation.op == "replace" and operation.target.selection is not None:
        implied = implied_values(operation.target.selection, attribute) or {}
        element.clear()
        element.update(implied)
    element.update(value)


def _new_element(operation: Operation) -> Json:
    """Return a new element with the values that the selection of the path implies.

    Entra adds to, and replaces in, elements that do not exist yet. Several operations of one
    request then change the same new element (GH:scimmy#95, scim-patch#176;
    entra-add-to-missing-element). The RFC demands an error for a replace (section 3.5.2.3).
    Ramp returns one if the selection compares `value`, because the client then expects an
    existing element.

    :raises NoTargetException: if the selection does not imply the values of one element, or a
        replace selects by `value`.
    """
    target, attribute = operation.target, attribute_of(operation)
    if operation.op == "replace":
        notes.understood(f"“{target.text}” as a new value if there is none", "Entra")
    implied = {} if target.selection is None else implied_values(target.selection, attribute)
    if implied is None or (operation.op == "replace" and "value" in implied):
        raise NoTargetException(path=target.text, detail=f"No value matches “{target.text[:200]}”.")
    return implied
