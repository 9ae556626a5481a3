"""The columns of searchable attributes: the allow-list of `filter_query`.

Each column builds two conditions: a comparison with a value, and whether it has a value. Both are
true or false and never NULL, so that `not` and `ne` can negate them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Protocol
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Length, Lower, NullIf, Right, StrIndex
from django.db.models.lookups import (
    Contains,
    EndsWith,
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IsNull,
    LessThan,
    LessThanOrEqual,
    StartsWith,
)
from django.utils.dateparse import parse_datetime
from scim2_models import InvalidFilterException
from scim2_models.path import CompareOperator

from scim.rfc.multi_valued import key

NEVER = Q(pk__in=[])
ALWAYS = ~NEVER

Test = Callable[[Any, Any], Any]

_ORDER: dict[CompareOperator, Test] = {
    CompareOperator.eq: Exact,
    CompareOperator.gt: GreaterThan,
    CompareOperator.ge: GreaterThanOrEqual,
    CompareOperator.lt: LessThan,
    CompareOperator.le: LessThanOrEqual,
}
# LIKE can use an index, but SQLite's LIKE ignores case, so only case-folded columns use it.
_LIKE: dict[CompareOperator, Test] = _ORDER | {
    CompareOperator.co: Contains,
    CompareOperator.sw: StartsWith,
    CompareOperator.ew: EndsWith,
}
_PLACE: dict[CompareOperator, Test] = _ORDER | {
    CompareOperator.co: lambda held, sought: GreaterThan(StrIndex(held, sought), 0),
    CompareOperator.sw: lambda held, sought: Exact(StrIndex(held, sought), 1),
    CompareOperator.ew: lambda held, sought: Exact(Right(held, Length(sought)), sought),
}


class Column(Protocol):
    def compare(self, op: CompareOperator, value: Any) -> Q: ...

    def present(self) -> Q: ...

    def sorted_by(self) -> Combinable: ...


@dataclass(frozen=True)
class Key:
    """A column of case-folded text; blank means unassigned and matches no comparison."""

    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        return self.present() & Q(_LIKE[op](F(self.field), key(value)))

    def present(self) -> Q:
        return ~Q(**{self.field: ""})

    def sorted_by(self) -> Combinable:
        return NullIf(F(self.field), Value(""))


@dataclass(frozen=True)
class Exactly:
    """A column of case-sensitive text; blank means unassigned and matches no comparison."""

    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        return self.present() & Q(_PLACE[op](F(self.field), Value(value)))

    def present(self) -> Q:
        return ~Q(**{self.field: ""})

    def sorted_by(self) -> Combinable:
        return NullIf(F(self.field), Value(""))


@dataclass(frozen=True)
class Member:
    """Text inside a JSON column, addressed by its path."""

    field: str
    path: tuple[str, ...]
    is_case_exact: bool = False
    is_folded: bool = False

    def compare(self, op: CompareOperator, value: Any) -> Q:
        if self.is_folded:
            test = _PLACE[op](self._text(), Value(key(value)))
        elif self.is_case_exact:
            test = _PLACE[op](self._text(), Value(value))
        else:
            test = _PLACE[op](Lower(self._text()), Lower(Value(value)))
        return self.present() & Q(test)

    def present(self) -> Q:
        return Q(IsNull(self._text(), False))  # noqa: FBT003

    def sorted_by(self) -> Combinable:
        text = self._text()
        return text if self.is_case_exact else Lower(text)

    def _text(self) -> KeyTextTransform:
        # Not KT(): it would split the names of custom fields at double underscores.
        *above, last = self.path
        held: Any = self.field
        for name in above:
            held = KeyTransform(name, held)
        return KeyTextTransform(last, held)


@dataclass(frozen=True)
class Flag:
    """A boolean column."""

    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        return Q(**{self.field: value})

    def present(self) -> Q:
        return ALWAYS

    def sorted_by(self) -> Combinable:
        return F(self.field)


@dataclass(frozen=True)
class Primary:
    """The sub-attribute `primary`, which is false unless sent (RFC 7643 section 2.4)."""

    def compare(self, op: CompareOperator, value: Any) -> Q:
        is_primary = Q(element__has_key="primary") & Q(element__primary=True)
        return is_primary if value else ~is_primary

    def present(self) -> Q:
        return Q(element__has_key="primary")

    def sorted_by(self) -> Combinable:
        raise _refused("primary", CompareOperator.gt)


@dataclass(frozen=True)
class Moment:
    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        test = _ORDER.get(op)
        if test is None:
            raise _refused("a date", op)
        try:
            moment = parse_datetime(value)
        except ValueError:
            moment = None
        if moment is None:
            raise InvalidFilterException(
                detail=f"“{value[:100]}” is not a date like 2026-03-02T08:00Z."
            )
        # A date without a time zone counts as UTC, in which `meta` is returned.
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Q(test(F(self.field), aware))

    def present(self) -> Q:
        return ALWAYS

    def sorted_by(self) -> Combinable:
        return F(self.field)


@dataclass(frozen=True)
class Identifier:
    """The id of a resource; text that is not a UUID matches nothing and is not an error."""

    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        if op is not CompareOperator.eq:
            raise _refused("an id", op)
        try:
            return Q(**{self.field: UUID(value)})
        except ValueError:
            return NEVER

    def present(self) -> Q:
        return ALWAYS

    def sorted_by(self) -> Combinable:
        return F(self.field)


@dataclass(frozen=True)
class Fixed:
    """An attribute that is constant for a type or derived from other columns."""

    meanings: Mapping[str, Q]

    def compare(self, op: CompareOperator, value: Any) -> Q:
        if op is not CompareOperator.eq:
            raise _refused("this attribute", op)
        return self.meanings.get(value.lower(), NEVER)

    def present(self) -> Q:
        return ALWAYS

    def sorted_by(self) -> Combinable:
        return Value("")


def _refused(what: str, op: CompareOperator) -> InvalidFilterException:
    return InvalidFilterException(detail=f"The operator “{op}” cannot be used with {what}.")
