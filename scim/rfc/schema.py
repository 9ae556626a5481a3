"""Classes for the definition of attributes, schemas and resource types (RFC 7643 section 7).

`attributes` and `resource_types` define those of Ramp. Names are found in any case (section 2.1).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["string", "boolean", "complex", "reference", "binary", "dateTime"]
Mutability = Literal["readWrite", "readOnly", "immutable", "writeOnly"]
Returned = Literal["always", "default", "never"]

# Some clients repeat `schemas` inside an extension, where it means nothing.
_CUSTOM_NAME = re.compile(r"(?!(?i:schemas)$)[A-Za-z][A-Za-z0-9_-]{0,99}")
_URN = re.compile(r"(?i:urn):[A-Za-z0-9][A-Za-z0-9-]{1,31}:[\w.:+-]{1,200}", re.ASCII)


@dataclass(frozen=True, eq=False, kw_only=True)
class Attribute:
    """An attribute, or a sub-attribute of one (its `parts`)."""

    name: str
    description: str
    kind: Kind = "string"
    multiple: bool = False
    parts: Sequence["Attribute"] = ()
    required: bool = False
    case_exact: bool = False
    mutability: Mutability = "readWrite"
    returned: Returned = "default"
    uniqueness: Literal["none", "server"] = "none"
    canonical_values: Sequence[str] = ()
    reference_types: Sequence[str] = ()
    longest: int = 200
    is_published: bool = True
    is_custom: bool = False
    # Ramp uses the value, so an invalid one is refused. An invalid value of any other attribute
    # is ignored.
    is_used: bool = False
    # Clients may write it.
    is_written: bool = field(init=False)
    # It has a single string as its value.
    is_text: bool = field(init=False)
    _parts: Mapping[str, "Attribute"] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        is_written = self.mutability in {"readWrite", "immutable"}
        object.__setattr__(self, "is_written", is_written)
        object.__setattr__(self, "is_text", self.kind == "string" and not self.multiple)
        object.__setattr__(self, "_parts", by_name(self.parts))

    @property
    def matters(self) -> bool:
        """Tell whether Ramp uses the attribute or one of its sub-attributes."""
        return self.is_used or any(part.is_used for part in self.parts)

    def part(self, name: str) -> "Attribute | None":
        return self._parts.get(name) or self._parts.get(name.lower())


@dataclass(frozen=True, eq=False, kw_only=True)
class Schema:
    """A core schema or an extension.

    An open schema accepts any other simple attribute as a string. These are the custom fields
    that an administrator maps, whose names are not known in advance.
    """

    urn: str
    name: str
    description: str
    attributes: Sequence[Attribute]
    is_open: bool = False
    # Older URNs of the schema, in lower case.
    aliases: Sequence[str] = ()
    # An extension that the provider defines and Ramp does not know.
    is_foreign: bool = False
    _names: Mapping[str, Attribute] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", by_name(self.attributes))

    @property
    def urns(self) -> Sequence[str]:
        """All URNs of the schema, in lower case."""
        return (self.urn.lower(), *self.aliases)

    def attribute(self, name: str) -> Attribute | None:
        known = self._names.get(name) or self._names.get(name.lower())
        if known is None and self.is_open and _CUSTOM_NAME.fullmatch(name):
            return Attribute(name=name, description="A custom field.", is_custom=True)
        return known


@dataclass(frozen=True, eq=False, kw_only=True)
class ResourceType:
    """A resource type (RFC 7643 section 6).

    `misplaced_names` contains the attributes of extensions that some providers send at the top
    of the resource, in lower case.
    """

    name: str
    endpoint: str
    description: str
    core: Schema
    common: Sequence[Attribute]
    extensions: Sequence[Schema] = ()
    misplaced_names: Mapping[str, tuple[Schema, Attribute]] = field(default_factory=dict)
    most_operations: int = 500
    required: Sequence[Attribute] = field(init=False)
    _names: Mapping[str, Attribute] = field(init=False, repr=False)
    _extensions: Mapping[str, Schema] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        required = [attribute for attribute in self.core.attributes if attribute.required]
        object.__setattr__(self, "required", required)
        object.__setattr__(self, "_names", by_name([*self.common, *self.core.attributes]))
        extensions = {schema.urn: schema for schema in self.extensions}
        extensions |= {urn: schema for schema in self.extensions for urn in schema.urns}
        object.__setattr__(self, "_extensions", extensions)

    def attribute(self, name: str) -> Attribute | None:
        """Find a common attribute or one of the core schema."""
        return self._names.get(name) or self._names.get(name.lower())

    def extension(self, urn: str) -> Schema | None:
        return self._extensions.get(urn) or self._extensions.get(urn.lower())

    def foreign_extension(self, urn: str) -> Schema | None:
        """Return a schema for an unknown extension, or None if this is not the URN of one."""
        known = [one for schema in (self.core, *self.extensions) for one in schema.urns]
        if urn.lower().startswith(tuple(known)) or not _URN.fullmatch(urn):
            return None
        return Schema(
            urn=urn,
            name="",
            description="An extension of the provider's own.",
            attributes=(),
            is_open=True,
            is_foreign=True,
        )


def by_name(attributes: Sequence[Attribute]) -> dict[str, Attribute]:
    # The canonical name is a key too, so that it is found without a conversion to lower case.
    lowered = {attribute.name.lower(): attribute for attribute in attributes}
    return lowered | {attribute.name: attribute for attribute in attributes}
