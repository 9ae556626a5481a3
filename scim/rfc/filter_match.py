"""Match the elements of a multi-valued attribute against a selection, in memory.

`filter_query` does the same for database rows.
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

_ORDERING = {CompareOperator.gt, CompareOperator.ge, CompareOperator.lt, CompareOperator.le}
# No stored text contains these, because `strict_json` refuses them. A filter can contain them as
# escapes, which PostgreSQL would not accept.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

TEXT_TESTS: dict[CompareOperator, Callable[[str, str], bool]] = {
    CompareOperator.co: lambda text, sought: sought in text,
    CompareOperator.sw: str.startswith,
    CompareOperator.ew: str.endswith,
    CompareOperator.gt: gt,
    CompareOperator.ge: ge,
    CompareOperator.lt: lt,
    CompareOperator.le: le,
}


class Matcher(FilterVisitor[bool]):
    """Tells whether one element matches the visited node."""

    def __init__(self, attribute: Attribute, element: Json) -> None:
        self.attribute = attribute
        self.element = element

    def visit_comparison(self, node: Comparison) -> bool:
        part = part_named(self.attribute, node.attr_path)
        value, sought = self._value_of(part), operand(part, node)
        match node.op:
            case CompareOperator.eq:
                return bool(_comparable(part, value) == _comparable(part, sought))
            case CompareOperator.ne:
                return bool(_comparable(part, value) != _comparable(part, sought))
        return isinstance(value, str) and TEXT_TESTS[node.op](
            _comparable(part, value), _comparable(part, sought)
        )

    def _value_of(self, part: Attribute) -> Any:
        # An element without `primary` is not primary (RFC 7643 section 2.4).
        return self.element.get(part.name, False if part.kind == "boolean" else None)

    def visit_present(self, node: Present) -> bool:
        return part_named(self.attribute, node.attr_path).name in self.element

    def visit_not(self, node: Not) -> bool:
        return not self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> bool:
        join = all if node.op is LogicalOperator.and_ else any
        # A list and not a generator, so that an invalid term is refused for every element.
        return join([self.visit(term) for term in node.terms])

    def visit_value_path(self, node: ValuePath) -> bool:
        raise InvalidFilterException(detail="Brackets cannot be nested.")


def implied_values(selection: FilterNode, attribute: Attribute) -> Json | None:
    """Return the values that every matching element has, or None if it implies none.

    Only a selection that consists of `eq` and `and` implies values.

    :raises InvalidFilterException: as `part_named` and `operand`.
    """
    match selection:
        case Comparison(op=CompareOperator.eq):
            part = part_named(attribute, selection.attr_path)
            return {part.name: operand(part, selection)}
        case LogicalExpr(op=LogicalOperator.and_):
            values: Json = {}
            for term in selection.terms:
                more = implied_values(term, attribute)
                if more is None:
                    return None
                values |= more
            return values
    return None


def part_named(attribute: Attribute, path: AttrPath) -> Attribute:
    """Return the sub-attribute that a name in brackets refers to.

    :raises InvalidFilterException: if there is none.
    """
    part = None if path.sub_attr or path.uri else attribute.part(path.attr)
    if part is None:
        raise InvalidFilterException(
            detail=f"“{attribute.name}” has no sub-attribute “{str(path)[:200]}”."
        )
    return part


def operand(attribute: Attribute, node: Comparison) -> str | bool | None:
    """Return the value of a comparison, converted to the type of the attribute.

    A number is read as text for an attribute with text: externalId eq 4711.

    :raises InvalidFilterException: if the attribute does not support the comparison, such as the
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
        if _UNSTORABLE.search(value):
            raise InvalidFilterException(detail="No text holds U+0000, or half a surrogate pair.")
        return value
    sent = f"{node.op} {json.dumps(node.value, ensure_ascii=False)}"
    raise InvalidFilterException(detail=f"“{attribute.name}” does not support “{sent[:200]}”.")


def _comparable(attribute: Attribute, value: Any) -> Any:
    return normalize_key(value) if isinstance(value, str) and not attribute.case_exact else value
