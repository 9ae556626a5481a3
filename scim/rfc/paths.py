"""Resolve the paths of a PATCH, a filter, a projection or a mapping (RFC 7644 section 3.10).

scim2-models parses a path; this module looks up its names in the schemas. A path is split after
the URN of its schema, and not at its first dot, which may be the dot in “2.0”.
"""

import re
from dataclasses import dataclass

from scim2_models import InvalidPathException
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, Path, ValuePath

from scim.rfc import notes
from scim.rfc.filter_parser import limit_exceeded
from scim.rfc.schema import Attribute, ResourceType, Schema

# A PATCH may contain hundreds of selections, and each is evaluated for hundreds of values.
MAX_TERMS = 10

_NAMES = re.compile(r"(\$?[A-Za-z][\w$-]*)(?:\.(\$?[A-Za-z][\w$-]*))?", re.ASCII)
# SCIM 1.1 has the id of the manager in `managerId` (its core schema, section 7), and OneLogin's
# published template still sends it.
FORMER_PARTS = {("manager", "managerid"): "value"}
# The most common selection. A request may remove thousands of members with such paths, and
# matching them needs less time than parsing.
_ONE_VALUE = re.compile(
    r"([A-Za-z]\w*)\[([A-Za-z]\w*) +eq +\"([^\"\\\x00-\x1f]*)\"\](?:\.(\$?[A-Za-z]\w*))?",
    re.ASCII | re.IGNORECASE,
)


class UnknownAttribute(InvalidPathException):
    """A valid path that names an unknown attribute or schema."""


@dataclass(frozen=True, slots=True)
class Target:
    """A resolved path: the schema, the attribute, the selection of its values, the sub-attribute.

    The schema of a core attribute is None. Without an attribute, the target is the whole schema.
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
    """Return the target of the path.

    :param takes_any_extension: whether the path may name an attribute of an unknown extension.
    :raises UnknownAttribute: if the path is valid and names an unknown attribute or schema.
    :raises InvalidPathException: if the path is invalid.
    """
    schema, rest = _split(text, resource, takes_any_extension=takes_any_extension)
    if schema is not None and not rest:
        return Target(text, schema)
    name, selection, part_name = _read(rest)
    owner, attribute = _find(name, schema, resource)
    part = part_of(attribute, part_name) if attribute and part_name else None
    if attribute is None or (part_name and part is None):
        raise _unknown(text, resource)
    if selection is not None and not attribute.multiple:
        raise InvalidPathException(
            path=text,
            detail=f"“{text[:200]}” filters values, but the attribute has a single value.",
        )
    return Target(text, owner, attribute, selection, part)


def part_of(attribute: Attribute, name: str) -> Attribute | None:
    """Return a sub-attribute, also by its name in SCIM 1.1, or None if there is none."""
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
        return resource.misplaced_names.get(name.lower(), (None, None))
    return None, attribute


def _read(text: str) -> tuple[str, FilterNode | None, str]:
    if match := _NAMES.fullmatch(text):
        return match[1], None, match[2] or ""
    if match := _ONE_VALUE.fullmatch(text):
        selection = Comparison(AttrPath(match[2]), CompareOperator.eq, match[3])
        return match[1], selection, match[4] or ""
    node = _parse(text)
    return node.attr_path.attr, node.val_filter, node.sub_attr or ""


def _parse(text: str) -> ValuePath:
    reason = limit_exceeded(text, MAX_TERMS)
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
