"""The members of a group that a request adds, removes or replaces, as sets of ids.

A group may have tens of thousands of members, so it is never loaded: the operations are
combined into sets in their order, and the database applies these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models import InvalidFilterException, InvalidValueException, MutabilityException
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from scim.rfc import dialects, notes
from scim.rfc.attributes import MEMBERS
from scim.rfc.filter_match import operand, part_named
from scim.rfc.patch_operations import Operation
from scim.rfc.strict_json import Json

# More than a body of 1 MiB can list with their ids as objects.
MAX_MEMBERS = 30_000


@dataclass(frozen=True)
class GroupChange:
    """The members to add and to remove, or the complete new set, and all other operations.

    No id is both added and removed. If `replaced` is set, the other two are empty.
    """

    operations: tuple[Operation, ...] = ()
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    replaced: frozenset[str] | None = None


@dataclass
class _MemberChanges:
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
    """Split the operations of a PATCH into changes of members and all others.

    :raises InvalidValueException: if a member has no id.
    :raises InvalidFilterException: if members are selected by anything but their id.
    :raises MutabilityException: if a sub-attribute of a member is changed.
    """
    changes = _MemberChanges()
    others = []
    for operation in operations:
        if operation.target.attribute is MEMBERS:
            _apply(changes, operation)
        else:
            others.append(operation)
    return GroupChange(
        operations=tuple(others),
        added=frozenset(changes.added),
        removed=frozenset(changes.removed),
        replaced=None if changes.replaced is None else frozenset(changes.replaced),
    )


def members_of(sent: Json) -> frozenset[str] | None:
    """Return the members in the body of a POST or PUT, or None if it does not mention them.

    :raises InvalidValueException: if a member has no id.
    """
    value = next((one for name, one in sent.items() if name.lower() == "members"), None)
    return None if value is None else frozenset(_ids(value))


def _apply(changes: _MemberChanges, operation: Operation) -> None:
    target = operation.target
    if target.part is not None:
        raise MutabilityException(
            attribute=target.text, detail="A member cannot be changed, only added or removed."
        )
    _note_dialect(operation)
    ids = _ids(operation.value) if target.selection is None else _selected_ids(target.selection)
    # A value in a `remove` names the members to remove, although the RFC would remove them all:
    # Entra, JumpCloud and authentik mean that.
    match operation.op:
        # `null` is what a client sends that has lost the value; an empty group is `[]`.
        case "replace" if not operation.has_value or operation.value in (None, ""):
            raise InvalidValueException(
                attribute="members", detail="To replace “members” needs a “value”."
            )
        # OneLogin adds with the path members[value eq "…"] and no value (QUIRK-DOC).
        case "add":
            changes.add(ids)
        case "replace" if target.selection is None:
            changes.replace(ids)
        case "replace":
            changes.remove(ids)
            changes.add(_ids(operation.value))
        case "remove" if target.selection is None and operation.value in (None, ""):
            changes.replace(set())
        case "remove":
            changes.remove(ids)


def _note_dialect(operation: Operation) -> None:
    is_selected = operation.target.selection is not None
    if operation.op == "remove" and not is_selected and operation.value not in (None, ""):
        notes.understood(
            "`remove` with members as its value as the removal of these alone",
            "Entra, JumpCloud, authentik, Rippling",
        )
    elif operation.op == "add" and is_selected and not operation.has_value:
        notes.understood("`add` of a selected member without a value", "OneLogin")


def _ids(value: Any) -> set[str]:
    if value is None or value == "":
        return set()
    given = dialects.as_elements(MEMBERS, value)
    if len(given) > MAX_MEMBERS:
        raise InvalidValueException(detail=f"Send at most {MAX_MEMBERS} members in one request.")
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


def _selected_ids(selection: FilterNode) -> set[str]:
    match selection:
        case Comparison(op=CompareOperator.eq):
            part = part_named(MEMBERS, selection.attr_path)
            value = operand(part, selection)
            if part.name == "value" and isinstance(value, str):
                return {value}
        case LogicalExpr(op=LogicalOperator.or_):
            return set().union(*map(_selected_ids, selection.terms))
    raise InvalidFilterException(detail="Members can be selected only by their “value”.")
