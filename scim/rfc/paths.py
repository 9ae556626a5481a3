"""What a path points at, in a PATCH, a filter, a projection or a mapping.

The grammar is scim2-models' (RFC 7644 section 3.10); here its names become attributes of our
tables. A path is split at the URN of its schema, never at its first dot: that would be the
one in “2.0”.
"""

import re
from dataclasses import dataclass

from scim2_models import InvalidPathException
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, Path, ValuePath

from scim.rfc import notes
from scim.rfc.filter_parser import excess
from scim.rfc.schema import Attribute, ResourceType, Schema

# A PATCH may hold hundreds of selections, each asked of hundreds of values.
MAX_TERMS = 10

_NAMES = re.compile(r"(\$?[A-Za-z][\w$-]*)(?:\.(\$?[A-Za-z][\w$-]*))?", re.ASCII)
# SCIM 1.1 has the manager's id here (its core schema, section 7); OneLogin's published template
# still does.
FORMER_PARTS = {("manager", "managerid"): "value"}
# By far the most common selection; members are removed with thousands of them at once.
_ONE_VALUE = re.compile(
    r"([A-Za-z]\w*)\[([A-Za-z]\w*) +eq +\"([^\"\\\x00-\x1f]*)\"\](?:\.(\$?[A-Za-z]\w*))?",
    re.ASCII | re.IGNORECASE,
)


class UnknownAttribute(InvalidPathException):
    """A path that can be read, but names what we do not have."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a resource: a schema, an attribute, some of its values, a part of them.

    The schema of a core attribute is None; no attribute means all that the schema has.
    """

    text: str
    schema: Schema | None = None
    attribute: Attribute | None = None
    selection: FilterNode | None = None
    part: Attribute | None = None

    @property
    def leaf(self) -> Attribute | None:
        return self.part or self.attribute


def resolve(text: str, resource: ResourceType, *, takes_any_extension: bool = False) -> Target:
    """Return what the path points at.

    Extensions that we do not know may be meant too where they are taken.

    :raises UnknownAttribute: if it names what we do not have.
    :raises InvalidPathException: if it cannot be read.
    """
    schema, rest = _split(text, resource, takes_any_extension=takes_any_extension)
    if schema is not None and not rest:
        return Target(text, schema)
    name, selection, part_name = _read(rest)
    home, attribute = _find(name, schema, resource)
    part = part_of(attribute, part_name) if attribute and part_name else None
    if attribute is None or (part_name and part is None):
        raise _unknown(text, resource)
    if selection is not None and not attribute.multiple:
        raise InvalidPathException(
            path=text,
            detail=f"“{text[:200]}” filters values, but the attribute has a single value.",
        )
    return Target(text, home, attribute, selection, part)


def part_of(attribute: Attribute, name: str) -> Attribute | None:
    """Find a sub-attribute, also by the name that it had in SCIM 1.1."""
    return attribute.part(FORMER_PARTS.get((attribute.name, name.lower()), name))


def _split(
    text: str, resource: ResourceType, *, takes_any_extension: bool
) -> tuple[Schema | None, str]:
    lowered = text.lower()
    if not lowered.startswith("urn:"):
        return None, text
    for schema in (resource.core, *resource.extensions):
        for urn in schema.urns:
            # Microsoft's inbound templates write “…:User.manager” with a dot.
            if lowered.startswith(urn) and (len(text) == len(urn) or text[len(urn)] in ":."):
                separator, rest = text[len(urn) : len(urn) + 1], text[len(urn) + 1 :]
                if separator == ".":
                    notes.understood("a dot after a URN as a colon", "Microsoft's inbound flow")
                return schema, rest
    urn, _, name = text.rpartition(":")
    if takes_any_extension and (foreign := resource.foreign_extension(urn)) is not None:
        return foreign, name
    raise _unknown(text, resource)


def _unknown(text: str, resource: ResourceType) -> UnknownAttribute:
    return UnknownAttribute(path=text, detail=f"A {resource.name} has no attribute “{text[:200]}”.")


def _find(
    name: str, schema: Schema | None, resource: ResourceType
) -> tuple[Schema | None, Attribute | None]:
    if schema is not None and schema is not resource.core:
        return schema, schema.attribute(name)
    attribute = resource.attribute(name)
    if attribute is None and schema is None:
        return resource.elsewhere.get(name.lower(), (None, None))
    return None, attribute


def _read(text: str) -> tuple[str, FilterNode | None, str]:
    if match := _NAMES.fullmatch(text):
        return match[1], None, match[2] or ""
    if match := _ONE_VALUE.fullmatch(text):
        chosen = Comparison(AttrPath(match[2]), CompareOperator.eq, match[3])
        return match[1], chosen, match[4] or ""
    node = _parse(text)
    return node.attr_path.attr, node.val_filter, node.sub_attr or ""


def _parse(text: str) -> ValuePath:
    reason = excess(text, MAX_TERMS)
    if reason is not None:
        raise InvalidPathException(path=text, detail=f"The path {reason}.")
    try:
        node = Path(text).ast
    except InvalidPathException as error:
        raise InvalidPathException(
            path=text, detail=f"The path “{text[:200]}” cannot be read: {error.detail}."
        ) from error
    if not isinstance(node, ValuePath):
        raise InvalidPathException(
            path=text, detail=f"The path “{text[:200]}” does not name an attribute."
        )
    return node
