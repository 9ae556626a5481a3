"""Move attributes that a POST or PUT names by a path to their place in the document.

Some clients send {"urn:…:enterprise:2.0:User:department": "Legal"}, {"name.givenName": "Ada"},
or an object under the URN of the core schema (scim-patch #207, simpleidserver #494). `nest`
converts such a body to the structure of RFC 7643. `patch_operations` reads the same names in a
PATCH. An attribute that is also sent in its place keeps that value.
"""

from typing import Any

from scim2_models import InvalidPathException

from scim.rfc import notes
from scim.rfc.filter_match import Matcher, implied_values
from scim.rfc.paths import Target, resolve
from scim.rfc.schema import ResourceType
from scim.rfc.strict_json import Json

CLIENTS = "generic SCIM clients"


def nest(sent: Json, resource: ResourceType) -> Json:
    """Return a body with every attribute in its place. The sent body is not changed."""
    flat = [name for name in sent if _is_flat(name, sent[name], resource)]
    if not flat:
        return sent
    body = {name: value for name, value in sent.items() if name not in flat}
    for name in flat:
        if name.lower() in resource.core.urns:
            inner = nest(sent[name], resource)
            present = {key.lower() for key in body}
            body |= {key: value for key, value in inner.items() if key.lower() not in present}
            notes.understood("attributes below the URN of the core schema", CLIENTS)
            continue
        try:
            target = resolve(name.strip(), resource, takes_any_extension=True)
        except InvalidPathException:
            body[name] = sent[name]
            continue
        _place(body, target, sent[name])
        notes.understood(f"“{name}” as a path", CLIENTS)
    return body


def _is_flat(name: str, value: Any, resource: ResourceType) -> bool:
    if "." not in name and ":" not in name and "[" not in name:
        return False
    if name.lower() in resource.core.urns:
        return isinstance(value, dict)

    # An object under an unknown URN is a foreign extension, and not an attribute.
    is_foreign = isinstance(value, dict) and resource.foreign_extension(name) is not None
    return resource.extension(name) is None and not is_foreign


def _place(body: Json, target: Target, value: Any) -> None:
    """Store the value at the target, unless the target already has a value."""
    attribute = target.attribute
    if attribute is None:
        return
    container = _object_at(body, target.schema.urn) if target.schema else body
    key = _key(container, attribute.name)
    if target.part is None and target.selection is None:
        container.setdefault(key, value)
    elif not attribute.multiple:
        assert target.part
        parts = _object_at(container, attribute.name)
        parts.setdefault(_key(parts, target.part.name), value)
    else:
        _place_in_element(container, key, target, value)


def _place_in_element(container: Json, key: str, target: Target, value: Any) -> None:
    """Store the value in the first element that the path selects, or in a new element."""
    assert target.attribute
    elements = list(container[key]) if isinstance(container.get(key), list) else []
    selected = [
        index
        for index, element in enumerate(elements)
        if isinstance(element, dict)
        and (not target.selection or Matcher(target.attribute, element).visit(target.selection))
    ]
    if not selected:
        implied = implied_values(target.selection, target.attribute) if target.selection else {}
        if implied is None:
            return
        elements.append(implied)
        selected = [len(elements) - 1]
    parts = {target.part.name: value} if target.part else value
    if isinstance(parts, dict):
        elements[selected[0]] = parts | elements[selected[0]]
        container[key] = elements


def _object_at(container: Json, name: str) -> Json:
    """Replace the object in the member by a copy of it, and return the copy."""
    key = _key(container, name)
    existing = container.get(key)
    container[key] = dict(existing) if isinstance(existing, dict) else {}
    copy: Json = container[key]
    return copy


def _key(container: Json, name: str) -> str:
    lowered = name.lower()
    return next((key for key in container if key.lower() == lowered), name)
