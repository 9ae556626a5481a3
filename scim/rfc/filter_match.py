"""Which elements of a multi-valued attribute a selection chooses, in memory.

The same questions, asked of rows, are in `filter_query`.
"""

import json
import re
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any

from scim2_models import InvalidFilterException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from people.values import normalize_key
from scim.rfc import dialects
from scim.rfc.schema import Attribute
from scim.rfc.strict_json import Json

# `strict_json` keeps these out of every body, and escapes in a filter must not bring them in.
_ORDERING = {CompareOperator.gt, CompareOperator.ge, CompareOperator.lt, CompareOperator.le}
_UNHEARD = re.compile("[\0\ud800-\udfff]")

TEXT_TESTS: dict[CompareOperator, Callable[[str, str], bool]] = {
    CompareOperator.co: lambda held, sought: sought in held,
    CompareOperator.sw: str.startswith,
    CompareOperator.ew: str.endswith,
    CompareOperator.gt: gt,
    CompareOperator.ge: ge,
    CompareOperator.lt: lt,
    CompareOperator.le: le,
}


class Matcher(FilterVisitor[bool]):
    """Asks one element the question that the visited node is."""

    def __init__(self, attribute: Attribute, element: Json) -> None:
        self.attribute = attribute
        self.element = element

    def visit_comparison(self, node: Comparison) -> bool:
        part = part_named(self.attribute, node.attr_path)
        held, sought = self._held(part), operand(part, node)
        match node.op:
            case CompareOperator.eq:
                return bool(_comparable(part, held) == _comparable(part, sought))
            case CompareOperator.ne:
                return bool(_comparable(part, held) != _comparable(part, sought))
        return isinstance(held, str) and TEXT_TESTS[node.op](
            _comparable(part, held), _comparable(part, sought)
        )

    def _held(self, part: Attribute) -> Any:
        # A value that does not say whether it is primary is not (RFC 7643 section 2.4).
        return self.element.get(part.name, False if part.kind == "boolean" else None)

    def visit_present(self, node: Present) -> bool:
        return part_named(self.attribute, node.attr_path).name in self.element

    def visit_not(self, node: Not) -> bool:
        return not self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> bool:
        join = all if node.op is LogicalOperator.and_ else any
        # A list, so that every term is checked, whatever the element holds.
        return join([self.visit(term) for term in node.terms])

    def visit_value_path(self, node: ValuePath) -> bool:
        raise InvalidFilterException(detail="Brackets cannot be nested.")


def described(selection: FilterNode, attribute: Attribute) -> Json | None:
    """Return what the selection says by `eq` and `and` alone, None if it says more."""
    match selection:
        case Comparison(op=CompareOperator.eq):
            part = part_named(attribute, selection.attr_path)
            return {part.name: operand(part, selection)}
        case LogicalExpr(op=LogicalOperator.and_):
            facts: Json = {}
            for term in selection.terms:
                more = described(term, attribute)
                if more is None:
                    return None
                facts |= more
            return facts
    return None


def part_named(attribute: Attribute, path: AttrPath) -> Attribute:
    """Return the sub-attribute that a name inside brackets means.

    :raises InvalidFilterException: if there is none.
    """
    part = None if path.sub_attr or path.uri else attribute.part(path.attr)
    if part is None:
        raise InvalidFilterException(
            detail=f"“{attribute.name}” has no sub-attribute “{str(path)[:200]}”."
        )
    return part


def operand(attribute: Attribute, node: Comparison) -> str | bool | None:
    """Return what the attribute is compared with, in the attribute's own type.

    Numbers are read as text where text is wanted: externalId eq 4711.

    :raises InvalidFilterException: if the comparison makes no sense for it; among others the
        order of booleans and binaries (RFC 7644 section 3.4.2.2).
    """
    is_equality = node.op in {CompareOperator.eq, CompareOperator.ne}
    read = dialects.boolean if attribute.kind == "boolean" else dialects.text
    value = read(node.value)
    if node.value is None and is_equality:
        return None
    if attribute.kind == "boolean" and is_equality and isinstance(value, bool):
        return value
    is_ordered = attribute.kind != "binary" or node.op not in _ORDERING
    if attribute.kind not in {"boolean", "complex"} and isinstance(value, str) and is_ordered:
        if _UNHEARD.search(value):
            raise InvalidFilterException(detail="No text holds U+0000, or half a surrogate pair.")
        return value
    told = f"{node.op} {json.dumps(node.value, ensure_ascii=False)}"
    raise InvalidFilterException(detail=f"“{attribute.name}” does not support “{told[:200]}”.")


def _comparable(attribute: Attribute, value: Any) -> Any:
    return normalize_key(value) if isinstance(value, str) and not attribute.case_exact else value
