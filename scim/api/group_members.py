"""What a request says about the members of a group.

Groups of tens of thousands are never loaded to change one member: operations become sets,
in the order they were sent, and the database does the arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models import InvalidFilterException, InvalidValueException, MutabilityException
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from scim.rfc import dialects
from scim.rfc.attributes import MEMBERS
from scim.rfc.dialects import Operation
from scim.rfc.strict_json import Json

MOST_MEMBERS = 30_000


@dataclass(frozen=True)
class GroupChange:
    """The members to add and to remove, or the complete new set; and all other operations.

    No id is both added and removed, and with `replaced` the other two are empty.
    """

    operations: tuple[Operation, ...] = ()
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    replaced: frozenset[str] | None = None


@dataclass
class _Tally:
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    replaced: set[str] | None = None

    def add(self, ids: set[str]) -> None:
        if self.replaced is not None:
            self.replaced |= ids
        else:
            self.added |= ids
            self.removed -= ids

    def remove(self, ids: set[str]) -> None:
        if self.replaced is not None:
            self.replaced -= ids
        else:
            self.removed |= ids
            self.added -= ids

    def replace(self, ids: set[str]) -> None:
        self.added, self.removed, self.replaced = set(), set(), ids


def change(operations: Sequence[Operation]) -> GroupChange:
    """Return what the operations of a PATCH do to a group.

    :raises InvalidValueException: if a member is not told by its id.
    :raises InvalidFilterException: if members are chosen by anything else.
    """
    tally = _Tally()
    others = []
    for operation in operations:
        if operation.target.attribute is MEMBERS:
            _count(tally, operation)
        else:
            others.append(operation)
    return GroupChange(
        operations=tuple(others),
        added=frozenset(tally.added),
        removed=frozenset(tally.removed),
        replaced=None if tally.replaced is None else frozenset(tally.replaced),
    )


def said(sent: Json) -> frozenset[str] | None:
    """Return the members that a POST or PUT body names, None if it does not mention them.

    :raises InvalidValueException: if a member is not told by its id.
    """
    value = next((one for name, one in sent.items() if name.lower() == "members"), None)
    return None if value is None else frozenset(_ids(value))


def _count(tally: _Tally, operation: Operation) -> None:
    target = operation.target
    if target.part is not None:
        raise MutabilityException(
            attribute=target.text, detail="A member cannot be changed, only added or removed."
        )
    ids = _ids(operation.value) if target.selection is None else _chosen(target.selection)
    match operation.op:
        case "replace" if not operation.has_value:
            raise InvalidValueException(
                attribute="members", detail="To replace “members” needs a “value”."
            )
        # OneLogin adds with the path members[value eq "…"] and no value (QUIRK-DOC).
        case "add":
            tally.add(ids)
        case "replace" if target.selection is None:
            tally.replace(ids)
        case "replace":
            tally.remove(ids)
            tally.add(_ids(operation.value))
        case "remove" if target.selection is None and operation.value in (None, ""):
            tally.replace(set())
        case "remove":
            tally.remove(ids)


def _ids(value: Any) -> set[str]:
    if value is None or value == "":
        return set()
    given = dialects.listed(MEMBERS, value)
    if len(given) > MOST_MEMBERS:
        raise InvalidValueException(detail=f"Send at most {MOST_MEMBERS} members in one request.")
    return {_id(one) for one in given if one is not None}


def _id(member: Any) -> str:
    if isinstance(member, dict):
        value = member.get("value")
        if value is None:
            value = next((one for key, one in member.items() if key.lower() == "value"), None)
        if isinstance(value, str) and value:
            return value
    raise InvalidValueException(
        attribute="members", detail="Each of the “members” needs the id of a user as its “value”."
    )


def _chosen(selection: FilterNode) -> set[str]:
    match selection:
        case Comparison(op=CompareOperator.eq, value=str() as value):
            if str(selection.attr_path).lower() == "value":
                return {value}
        case LogicalExpr(op=LogicalOperator.or_):
            return set().union(*map(_chosen, selection.terms))
    raise InvalidFilterException(detail="Members can be selected only by their “value”.")
