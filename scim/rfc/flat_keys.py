"""Moves attributes of a POST or PUT whose name is a path to the place that the path names.

Some clients send {"urn:…:enterprise:2.0:User:department": "Legal"}, {"name.givenName": "Ada"}
or an object below the URN of the core schema (scim-patch #207, simpleidserver #494). In a PATCH,
`dialects` reads such names as paths. This module converts a body to the form of RFC 7643 before it
is read. An attribute that is in its proper place as well keeps that value.
"""

from typing import Any

from scim2_models import InvalidPathException

from scim.rfc import notes
from scim.rfc.filter_match import Matcher, described
from scim.rfc.paths import Target, resolve
from scim.rfc.schema import ResourceType
from scim.rfc.strict_json import Json

CLIENTS = "generic SCIM clients"


def nested(sent: Json, resource: ResourceType) -> Json:
    """Return the body with every attribute in its proper place. The argument is not changed."""
    flat = [name for name in sent if _is_flat(name, sent[name], resource)]
    if not flat:
        return sent
    body = {name: value for name, value in sent.items() if name not in flat}
    for name in flat:
        if name.lower() in resource.core.urns:
            inner = nested(sent[name], resource)
            said = {one.lower() for one in body}
            body |= {one: value for one, value in inner.items() if one.lower() not in said}
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

    # An object below an unknown URN is an extension of the provider's own.
    is_foreign = isinstance(value, dict) and resource.foreign_extension(name) is not None
    return resource.extension(name) is None and not is_foreign


def _place(body: Json, target: Target, value: Any) -> None:
    """Set the value of the target, unless the target has one."""
    attribute = target.attribute
    if attribute is None:
        return
    home = _object_at(body, target.schema.urn) if target.schema else body
    key = _key(home, attribute.name)
    if target.part is None and target.selection is None:
        home.setdefault(key, value)
    elif not attribute.multiple:
        assert target.part
        held = _object_at(home, attribute.name)
        held.setdefault(_key(held, target.part.name), value)
    else:
        _place_in_element(home, key, target, value)


def _place_in_element(home: Json, key: str, target: Target, value: Any) -> None:
    """Set the value in the element that the path selects, or in a new element."""
    assert target.attribute
    elements = list(home[key]) if isinstance(home.get(key), list) else []
    chosen = [
        number
        for number, one in enumerate(elements)
        if isinstance(one, dict)
        and (not target.selection or Matcher(target.attribute, one).visit(target.selection))
    ]
    if not chosen:
        facts = described(target.selection, target.attribute) if target.selection else {}
        if facts is None:
            return
        elements.append(facts)
        chosen = [len(elements) - 1]
    said = {target.part.name: value} if target.part else value
    if isinstance(said, dict):
        elements[chosen[0]] = said | elements[chosen[0]]
        home[key] = elements


def _object_at(home: Json, name: str) -> Json:
    """Replace the object with this name by a copy, so that the sent body stays unchanged."""
    key = _key(home, name)
    held = home.get(key)
    home[key] = dict(held) if isinstance(held, dict) else {}
    copy: Json = home[key]
    return copy


def _key(home: Json, name: str) -> str:
    lowered = name.lower()
    return next((key for key in home if key.lower() == lowered), name)
