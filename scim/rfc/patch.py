"""PATCH (RFC 7644 section 3.5.2) on plain documents.

All or nothing: the operations work on a copy, which is thrown away when one is refused.
Values are read as `normalize` reads them, and the result is canonical again.
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
from scim2_models.path import FilterNode

from scim.rfc import notes
from scim.rfc.dialects import FORMS, Operation, unwrapped
from scim.rfc.filter_match import Matcher, described
from scim.rfc.normalize import keep_manager_link, link_manager, normalize, schema_key
from scim.rfc.paths import Target, part_of
from scim.rfc.read_values import (
    MAX_VALUES,
    one_element,
    pass_over,
    spelling,
    value_of,
)
from scim.rfc.schema import Attribute, ResourceType
from scim.rfc.strict_json import Json


def apply(document: Json, operations: Sequence[Operation], resource: ResourceType) -> Json:
    """Return the document as the operations, one after the other, leave it.

    An operation that cannot be done is ignored if Ramp does not use what it changes.

    :raises SCIMException: if another one cannot be done, or the result is not a resource.
    """
    draft: Json = orjson.loads(orjson.dumps(document))
    # The link is ours; taken for what the provider says, it would bring a manager back.
    link_manager(draft, None)
    for operation in operations:
        try:
            _carry_out(draft, operation)
        except (InvalidValueException, InvalidFilterException, NoTargetException) as error:
            attribute = operation.target.attribute
            is_gone = isinstance(error, NoTargetException) and attribute and attribute.is_used
            if is_gone or _is_used(operation.target):
                raise
            notes.passed_over(operation.target.text, str(error.detail).rstrip("."))
    return keep_manager_link(document, normalize(draft, resource, known=document))


def _carry_out(draft: Json, operation: Operation) -> None:
    target = operation.target
    if target.selection is not None and target.attribute is not None:
        Matcher(target.attribute, {}).visit(target.selection)
    if operation.value in (None, "", []) and (key := _foreign_extension_at(draft, target)):
        if operation.op != "add":
            draft.pop(key)
        return
    # An object without members names nothing to be changed (RFC 7644 section 3.5.2.3).
    if operation.op != "remove" and operation.value == {}:
        notes.understood(f"an empty object in {target.text} as no change", "")
        return
    _ACTIONS[operation.op](draft, operation)


def _foreign_extension_at(draft: Json, target: Target) -> str | None:
    """Return the name of the stored extension whose URN is the whole path, if there is one.

    The path of an extension that we do not know looks like that of an attribute: only what is
    stored tells whether its last part is a name.
    """
    if target.schema is None or not target.schema.is_foreign:
        return None
    wanted = target.text.lower()
    return next((name for name in draft if name.lower() == wanted), None)


def _is_used(target: Target) -> bool:
    """Tell whether Ramp acts on what the target names, so that a bad value must be refused."""
    if target.attribute is None:
        return True
    return target.attribute.is_used and (target.part is None or target.part.is_used)


def _add(draft: Json, operation: Operation) -> None:
    """RFC 7644 section 3.5.2.1."""
    target, attribute = operation.target, _changed(operation)
    home = _home(draft, target)
    if not attribute.multiple:
        _set(home, attribute, target.part, operation.value)
    elif target.selection is None and target.part is None:
        for element in value_of(attribute, operation.value) or []:
            _include(home.setdefault(attribute.name, []), element)
    else:
        _set_in_elements(home, operation)


def _replace(draft: Json, operation: Operation) -> None:
    """RFC 7644 section 3.5.2.3; a complex attribute keeps the parts that are not named."""
    target, attribute = operation.target, _changed(operation)
    home = _home(draft, target)
    if not attribute.multiple:
        _set(home, attribute, target.part, operation.value)
    elif target.part is not None:
        _set_in_elements(home, operation)
    elif target.selection is None:
        _assign(home, attribute.name, value_of(attribute, operation.value))
    elif operation.value in (None, "", [], {}):
        _drop_elements(home, attribute, target.selection)
    else:
        _set_in_elements(home, operation)


def _remove(draft: Json, operation: Operation) -> None:
    """RFC 7644 section 3.5.2.2; there is no harm in removing what is not there.

    A value names the elements to remove, where the RFC would remove them all: Entra,
    JumpCloud, authentik and Rippling mean it so (MS-TUT, JC-KB; entra-groups,
    rippling-exclusive-groups).
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
    home = _home(draft, target)
    if attribute.multiple and target.selection is None and operation.value not in (None, ""):
        _drop_given(home, attribute, operation.value)
    elif attribute.multiple and target.part is not None:
        for element in _chosen(home, target):
            element.pop(target.part.name, None)
    elif target.selection is not None:
        _drop_elements(home, attribute, target.selection)
    elif target.part is not None:
        home.get(attribute.name, {}).pop(target.part.name, None)
    else:
        home.pop(spelling(home, attribute), None)


_ACTIONS = {"add": _add, "replace": _replace, "remove": _remove}


def _changed(operation: Operation) -> Attribute:
    attribute = operation.target.attribute
    assert attribute is not None
    if not operation.has_value:
        raise InvalidValueException(
            attribute=operation.target.text,
            detail=f"To {operation.op} “{operation.target.text[:200]}” needs a “value”.",
        )
    return attribute


def _home(draft: Json, target: Target) -> Json:
    if target.schema is None:
        return draft
    home: Json = draft.setdefault(schema_key(draft, target.schema), {})
    return home


def _assign(home: Json, name: str, value: Any) -> None:
    if value is None:
        home.pop(name, None)
    else:
        home[name] = value


def _set(home: Json, attribute: Attribute, part: Attribute | None, value: Any) -> None:
    name = spelling(home, attribute)
    if part is not None:
        read = value_of(part, value, attribute.name)
        _assign(home.setdefault(name, {}), part.name, read)
        return
    value = unwrapped(value, name)
    read = value_of(attribute, value)
    form = FORMS.get(attribute)
    parts = form(value) if form else value
    if attribute.kind == "complex" and parts:
        _merge(home.setdefault(name, {}), attribute, parts)
    else:
        _assign(home, name, read)


def _merge(held: Json, attribute: Attribute, parts: Json) -> None:
    """Set the parts that are named; null and "" unassign theirs."""
    for name, value in parts.items():
        part = part_of(attribute, name)
        if part is None or not part.is_written:
            continue
        try:
            _assign(held, part.name, value_of(part, value, attribute.name))
        except InvalidValueException as error:
            if part.is_used:
                raise
            pass_over(error)


def _include(elements: list[Json], element: Json) -> None:
    """Add the element, or complete the one that has the same value and type."""
    key = _identity(element)
    for held in elements:
        if held == element or (key is not None and _identity(held) == key):
            held.update(element)
            _prefer(elements, held)
            return
    _append(elements, element)
    _prefer(elements, element)


def _append(elements: list[Json], element: Json) -> None:
    if len(elements) >= MAX_VALUES:
        raise InvalidValueException(detail=f"There may be {MAX_VALUES} values at most.")
    elements.append(element)


def _identity(element: Json) -> tuple[Any, Any] | None:
    value = element.get("value")
    return None if value is None else (value, element.get("type"))


def _prefer(elements: list[Json], preferred: Json) -> None:
    """Let a new primary value take the place of the old one (section 3.5.2)."""
    if preferred.get("primary") is True:
        for element in elements:
            if element is not preferred and element.get("primary") is True:
                element["primary"] = False


def _set_in_elements(home: Json, operation: Operation) -> None:
    target, attribute = operation.target, _changed(operation)
    elements = home.setdefault(attribute.name, [])
    chosen = _chosen(home, target)
    if not chosen:
        chosen = [_described(operation)]
        _append(elements, chosen[0])
    for element in chosen:
        if target.part is not None:
            read = value_of(target.part, operation.value, attribute.name)
            _assign(element, target.part.name, read)
        else:
            _overlay(element, operation)
        _prefer(elements, element)


def _overlay(element: Json, operation: Operation) -> None:
    """Put an object in the place of the element, or onto it.

    What a replacing object leaves out is gone, but for what the selection itself says.
    """
    attribute = _changed(operation)
    given = one_element(attribute, operation.value)
    if operation.op == "replace" and operation.target.selection is not None:
        facts = described(operation.target.selection, attribute) or {}
        element.clear()
        element.update(facts)
    element.update(given)


def _chosen(home: Json, target: Target) -> list[Json]:
    attribute = target.attribute
    assert attribute is not None
    elements: list[Json] = home.get(attribute.name, [])
    if target.selection is None:
        return elements
    return [one for one in elements if Matcher(attribute, one).visit(target.selection)]


def _described(operation: Operation) -> Json:
    """Return a new element that the selection would choose.

    Entra adds to, and replaces in, elements that are not there yet, several operations in
    one request meaning the same new element (GH:scimmy#95, scim-patch#176;
    entra-add-to-missing-element). The RFC would refuse the replacing (section 3.5.2.3), and
    so is one refused that names the element by its value: that one is gone, not yet to come.

    :raises NoTargetException: if the selection does not say what such an element holds, or
        names it by its value.
    """
    target, attribute = operation.target, _changed(operation)
    if operation.op == "replace":
        notes.understood(f"“{target.text}” as a new value if there is none", "Entra")
    facts = {} if target.selection is None else described(target.selection, attribute)
    if facts is None or (operation.op == "replace" and "value" in facts):
        raise NoTargetException(path=target.text, detail=f"No value matches “{target.text[:200]}”.")
    return facts


def _drop_elements(home: Json, attribute: Attribute, selection: FilterNode) -> None:
    home[attribute.name] = [
        held
        for held in home.get(attribute.name, [])
        if not Matcher(attribute, held).visit(selection)
    ]


def _drop_given(home: Json, attribute: Attribute, value: Any) -> None:
    given: dict[Any, list[Json]] = {}
    for one in value_of(attribute, value) or []:
        given.setdefault(one.get("value"), []).append(one)
    home[attribute.name] = [
        held
        for held in home.get(attribute.name, [])
        if not any(one.items() <= held.items() for one in given.get(held.get("value"), []))
    ]
