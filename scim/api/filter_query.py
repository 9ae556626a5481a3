"""Translate a filter into a condition on rows (RFC 7644 section 3.4.2.2), by an allow-list.

`ne` is the negation of `eq`, so it also matches resources without the attribute. A multi-valued
attribute matches if any of its values does, so `ne` means that no value is equal. `%` and `_` are
ordinary characters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    Case,
    Exists,
    IntegerField,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from scim2_models import InvalidFilterException, InvalidPathException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from scim.api.filter_columns import (
    ALWAYS,
    NEVER,
    Column,
    Exactly,
    Fixed,
    Flag,
    Identifier,
    Key,
    Member,
    Moment,
    Primary,
)
from scim.api.request import base_url
from scim.models import ScimMembership, ScimSubgroup, ScimUserElement, user_search
from scim.rfc.attributes import (
    ACTIVE,
    EXTERNAL_ID,
    GROUP_NAME,
    GROUPS,
    ID,
    MEMBERS,
    SCHEMAS,
    USER_NAME,
)
from scim.rfc.filter_match import operand, part_named
from scim.rfc.filter_parser import parse
from scim.rfc.paths import Target, resolve
from scim.rfc.resource_types import META, USER
from scim.rfc.schema import Attribute, ResourceType

_COLUMNS: Mapping[Attribute | None, Column] = {
    ID: Identifier("scim_id"),
    EXTERNAL_ID: Exactly("scim_external_id"),
    USER_NAME: Key("user_name_key"),
    ACTIVE: Flag("active"),
    GROUP_NAME: Key("display_name_key"),
    META.part("created"): Moment("created_at"),
    META.part("lastModified"): Moment("modified_at"),
}


def condition(text: str, resource: ResourceType, others: Sequence[ResourceType] = ()) -> Q:
    """Return the condition of the filter on rows of the resource type.

    In a query of several types, an attribute that only the `others` have is an attribute without
    a value (RFC 7644 section 3.4.2.1).

    :raises InvalidFilterException: if the filter is not valid, or uses an attribute or an operator
        that is not supported.
    """
    return _ResourceCondition(resource, others).visit(parse(text))


def ordering(
    path: str,
    resource: ResourceType,
    others: Sequence[ResourceType] = (),
    *,
    descending: bool = False,
) -> OrderBy:
    """Return the order of `sortBy` (RFC 7644 section 3.4.2.3); `others` as in `condition`.

    A multi-valued attribute sorts by its primary value, or else by its first. Resources without a
    value come last, in descending order first.

    :raises InvalidPathException: if the attribute does not exist or cannot be sorted by.
    """
    try:
        is_absent = _is_of_others(path, resource, others)
        key = Value("") if is_absent else _sort_key(resolve(path, resource), resource)
    except InvalidFilterException as error:
        raise InvalidPathException(
            path=path, detail=f"{resource.name}s cannot be sorted by “{path[:200]}”."
        ) from error
    if descending:
        return OrderBy(key, descending=True, nulls_first=True)
    return OrderBy(key, nulls_last=True)


@dataclass(frozen=True)
class _Children:
    """The rows of a multi-valued attribute, one for each value."""

    attribute: Attribute
    rows: QuerySet[ScimUserElement] | QuerySet[ScimMembership] | QuerySet[ScimSubgroup]
    columns: Mapping[str, Column]

    def column(self, part: Attribute) -> Column:
        column = self.columns.get(part.name)
        if column is None and self.rows.model is not ScimUserElement:
            raise _unsearchable(f"{self.attribute.name}.{part.name}")
        return column or Member("element", (part.name,), is_folded=True)

    def any(self, element_condition: Q) -> Q:
        return Q(Exists(self.rows.filter(element_condition)))


def _any_child(attribute: Attribute, condition: Callable[[_Children], Q]) -> Q:
    """Return the condition that a value of the attribute fulfills this one."""
    return reduce(or_, (one.any(condition(one)) for one in _children(attribute)))


def _children(attribute: Attribute) -> Sequence[_Children]:
    """Return the kinds of rows of the attribute: members of a group are users and groups."""
    if attribute is GROUPS:
        groups = ScimMembership.objects.filter(user=OuterRef("pk"), group__deleted_at=None)
        return [_Children(attribute, groups, _GROUP_COLUMNS)]
    if attribute is MEMBERS:
        members = ScimMembership.objects.filter(group=OuterRef("pk"), user__deleted_at=None)
        subgroups = ScimSubgroup.objects.filter(group=OuterRef("pk"))
        return [
            _Children(attribute, members, _MEMBER_COLUMNS),
            _Children(attribute, subgroups, _SUBGROUP_COLUMNS),
        ]
    values = ScimUserElement.objects.filter(user=OuterRef("pk"), attribute=attribute.name)
    return [_Children(attribute, values, _VALUE_COLUMNS)]


_VALUE_COLUMNS: Mapping[str, Column] = {"value": Key("value_key"), "primary": Primary()}
_MEMBER_COLUMNS: Mapping[str, Column] = {
    "value": Identifier("user__scim_id"),
    "type": Fixed({"user": ALWAYS}),
}
_SUBGROUP_COLUMNS: Mapping[str, Column] = {
    "value": Identifier("member__scim_id"),
    "type": Fixed({"group": ALWAYS}),
}
_GROUP_COLUMNS: Mapping[str, Column] = {
    "value": Identifier("group__scim_id"),
    "display": Key("group__display_name_key"),
    "type": Fixed({"direct": ALWAYS}),
}


class _ConditionVisitor(FilterVisitor[Q]):
    """Shared by conditions on resources and conditions on the values of an attribute."""

    def visit_not(self, node: Not) -> Q:
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        connector = Q.AND if node.op is LogicalOperator.and_ else Q.OR
        return Q(*map(self.visit, node.terms), _connector=connector)

    def visit_comparison(self, node: Comparison) -> Q:
        if node.op is CompareOperator.ne:
            return ~self.visit(replace(node, op=CompareOperator.eq))
        if node.value is None and node.op is CompareOperator.eq:
            return ~self.visit(Present(node.attr_path))
        return self.condition(
            node.attr_path, lambda leaf, column: column.compare(node.op, operand(leaf, node))
        )

    def visit_present(self, node: Present) -> Q:
        return self.condition(node.attr_path, lambda _, column: column.present())

    def condition(self, path: AttrPath, build: Callable[[Attribute, Column], Q]) -> Q:
        raise NotImplementedError


class _ResourceCondition(_ConditionVisitor):
    """The condition of a filter on resources."""

    def __init__(self, resource: ResourceType, others: Sequence[ResourceType] = ()) -> None:
        self.resource, self.others = resource, others

    def condition(self, path: AttrPath, build: Callable[[Attribute, Column], Q]) -> Q:
        if _is_of_others(str(path), self.resource, self.others):
            return NEVER
        target = self._target(path)
        leaf = _compared_attribute(target)
        if not _has_elements(target):
            return build(leaf, _column(target, leaf, self.resource))
        assert target.attribute is not None
        return _any_child(target.attribute, lambda one: build(leaf, one.column(leaf)))

    def visit_present(self, node: Present) -> Q:
        if _is_of_others(str(node.attr_path), self.resource, self.others):
            return NEVER
        target = self._target(node.attr_path)
        if target.attribute is not None and target.part is None and _has_elements(target):
            return _any_child(target.attribute, lambda _: Q())
        return super().visit_present(node)

    def visit_value_path(self, node: ValuePath) -> Q:
        if _is_of_others(str(node.attr_path), self.resource, self.others):
            return NEVER
        target = self._target(node.attr_path)
        if target.attribute is SCHEMAS:
            return _SchemasSelection(self.resource).visit(node.val_filter)
        if target.attribute is None or not _has_elements(target):
            raise InvalidFilterException(
                detail=f"“{node.attr_path}” has a single value, so it cannot be filtered."
            )
        return _any_child(
            target.attribute, lambda one: _ElementCondition(one).visit(node.val_filter)
        )

    def _target(self, path: AttrPath) -> Target:
        try:
            return resolve(str(path), self.resource)
        except InvalidPathException as error:
            raise InvalidFilterException(detail=error.detail) from error


class _ElementCondition(_ConditionVisitor):
    """The condition of the brackets of a value path on one value of the attribute."""

    def __init__(self, children: _Children) -> None:
        self.children = children

    def condition(self, path: AttrPath, build: Callable[[Attribute, Column], Q]) -> Q:
        part = part_named(self.children.attribute, path)
        return build(part, self.children.column(part))


class _SchemasSelection(_ConditionVisitor):
    """Asks one URN of `schemas`, which is a list of plain values."""

    def __init__(self, resource: ResourceType) -> None:
        self.column = _column(Target(SCHEMAS.name, attribute=SCHEMAS), SCHEMAS, resource)

    def condition(self, path: AttrPath, build: Callable[[Attribute, Column], Q]) -> Q:
        if str(path).lower() != "value":
            raise _unsearchable(f"{SCHEMAS.name}.{path}")
        return build(SCHEMAS, self.column)


def _is_of_others(path: str, resource: ResourceType, others: Sequence[ResourceType]) -> bool:
    """Tell whether only resources of the other types have the attribute."""

    def has(one: ResourceType) -> bool:
        try:
            return resolve(path, one).attribute is not None
        except InvalidPathException:
            return False

    return bool(others) and not has(resource) and any(map(has, others))


def _has_elements(target: Target) -> bool:
    attribute = target.attribute
    return attribute is not None and attribute.multiple and attribute.kind == "complex"


def _compared_attribute(target: Target) -> Attribute:
    """Return the attribute to compare; for a complex attribute, its sub-attribute `value`."""
    leaf = target.leaf
    if leaf is None:
        return Attribute(name=target.text, description="", kind="complex")
    return leaf.part("value") or leaf


def _column(target: Target, leaf: Attribute, resource: ResourceType) -> Column:
    if leaf is SCHEMAS:
        extension_columns = {
            one.urn.lower(): Member("document", (one.urn,)) for one in resource.extensions
        }
        meanings = {urn: column.present() for urn, column in extension_columns.items()}
        return Fixed({resource.core.urn.lower(): ALWAYS} | meanings)
    if leaf is META.part("location"):
        return Identifier("scim_id", f"{base_url()}{resource.endpoint}/")
    if leaf is META.part("resourceType"):
        return Fixed({resource.name.lower(): ALWAYS})
    if leaf is EXTERNAL_ID and resource is USER:
        return Exactly("scim_external_id", is_mentioned=True)
    column = _COLUMNS.get(leaf)
    if column is not None:
        return column
    named = [one for one in (target.attribute, target.part) if one is not None]
    if not all(one.is_written for one in (*named, leaf)):
        raise _unsearchable(target.text)
    path = [target.schema.urn] if target.schema else []
    path += [one.name for one in named]
    if named and leaf is not named[-1]:
        path.append(leaf.name)
    is_mentioned = resource is USER and path[0] in user_search.INDEXED
    return Member("document", tuple(path), leaf.case_exact, is_mentioned=is_mentioned)


def _sort_key(target: Target, resource: ResourceType) -> Any:
    leaf = _compared_attribute(target)
    if leaf.kind == "complex" or leaf is SCHEMAS:
        raise _unsearchable(target.text)
    if not _has_elements(target):
        return _column(target, leaf, resource).sorted_by()
    assert target.attribute is not None
    # Groups are sorted by their users.
    children = _children(target.attribute)[0]
    primary_first = Case(
        When(Primary().compare(CompareOperator.eq, value=True), then=0),
        default=1,
        output_field=IntegerField(),
    )
    order = ["pk"] if children.rows.model is ScimMembership else [primary_first, "pk"]
    key = children.column(leaf).sorted_by()
    return Subquery(children.rows.order_by(*order).annotate(key=key).values("key")[:1])


def _unsearchable(name: str) -> InvalidFilterException:
    return InvalidFilterException(detail=f"“{name[:200]}” cannot be searched for.")
