"""Attributes of a POST or PUT that are named by a path, put where they belong.

Some clients write {"urn:…:enterprise:2.0:User:department": "Legal"}, {"name.givenName": "Ada"}
or an object below the URN of the core schema (scim-patch #207, simpleidserver #494). PATCH
takes such names anyway (`dialects`); here a body is brought into the shape of RFC 7643 before
it is read. What is said in that shape already counts more.
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
    """Return the body with every attribute in its place; the body itself is left as it is."""
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
    """Put the value at the target, unless something is there."""
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
    """Put the value into the element that the path chooses, or into a new one."""
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
    """Return a copy of the object that is held there, put in its place."""
    key = _key(home, name)
    held = home.get(key)
    home[key] = dict(held) if isinstance(held, dict) else {}
    copy: Json = home[key]
    return copy


def _key(home: Json, name: str) -> str:
    lowered = name.lower()
    return next((key for key in home if key.lower() == lowered), name)
