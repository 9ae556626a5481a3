"""The columns of searchable attributes: the allow-list of `filter_query`.

Each column builds two conditions: a comparison with a value, and whether it has a value. Both are
true or false and never NULL, so that `not` and `ne` can negate them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from unicodedata import normalize
from uuid import UUID

from django.db import connection
from django.db.models import F, Lookup, Q, TextField, Value
from django.db.models.expressions import Combinable, RawSQL
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

_MILLISECOND = timedelta(milliseconds=1)

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
# What surrounds a value in the column of `user_search`.
_QUOTED = {
    CompareOperator.eq: ('"', '"'),
    CompareOperator.co: ("", ""),
    CompareOperator.sw: ('"', ""),
    CompareOperator.ew: ("", '"'),
}


class Like(Lookup[Any]):
    """LIKE with a pattern. Django's lookups escape it in SQL, where it is no constant."""

    lookup_name = "like"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right}", [*left_parameters, *right_parameters]


def mentions(op: CompareOperator, value: str) -> Q:
    """Return a condition on users that an index serves, and that no match of the value fails.

    The column is an array of JSON, in which quotation marks enclose each value.
    """
    if connection.vendor != "postgresql" or op not in _QUOTED:
        return Q()
    before, after = _QUOTED[op]
    text = json.dumps(value, ensure_ascii=False)[1:-1]
    pattern = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    column = RawSQL("scim_scimuser.search_text", [], TextField())
    return Q(Like(column, Lower(Value(f"%{before}{pattern}{after}%"))))


class Column(Protocol):
    def compare(self, op: CompareOperator, value: Any) -> Q: ...

    def present(self) -> Q: ...

    def sorted_by(self) -> Combinable: ...


@dataclass(frozen=True)
class Key:
    """A column of case-folded text; blank means unassigned and matches no comparison."""

    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        # Blanks round a userName or an address are not stored.
        forms = {value, value.strip()} if op is CompareOperator.eq else {value}
        tests = [Q(_LIKE[op](F(self.field), key(form))) for form in sorted(forms)]
        return self.present() & Q(*tests, _connector=Q.OR)

    def present(self) -> Q:
        return ~Q(**{self.field: ""})

    def sorted_by(self) -> Combinable:
        return NullIf(F(self.field), Value(""))


@dataclass(frozen=True)
class Exactly:
    """A column of case-sensitive text; blank means unassigned and matches no comparison."""

    field: str
    # Whether `mentions` finds it.
    is_mentioned: bool = False

    def compare(self, op: CompareOperator, value: Any) -> Q:
        # The column has an index of its own for whole values.
        needs_index = self.is_mentioned and op is not CompareOperator.eq
        may_match = mentions(op, value) if needs_index else Q()
        return self.present() & Q(_PLACE[op](F(self.field), Value(value))) & may_match

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
    # Whether `mentions` finds it.
    is_mentioned: bool = False

    def compare(self, op: CompareOperator, value: Any) -> Q:
        # macOS and Active Directory export names with combining accents, which nobody sees.
        forms = {value, *(normalize(form, value) for form in ("NFC", "NFD"))}
        tests = [
            Q(self._test(op, form)) & (mentions(op, form) if self.is_mentioned else Q())
            for form in sorted(forms)
        ]
        return self.present() & Q(*tests, _connector=Q.OR)

    def _test(self, op: CompareOperator, value: str) -> Any:
        if self.is_folded:
            return _PLACE[op](self._text(), Value(key(value)))
        if self.is_case_exact:
            return _PLACE[op](self._text(), Value(value))
        return _PLACE[op](Lower(self._text()), Lower(Value(value)))

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
    """A moment, compared in the milliseconds in which it is answered.

    Otherwise a client that asks for changes since its last response gets the last change again.
    """

    field: str

    def compare(self, op: CompareOperator, value: Any) -> Q:
        if op not in _ORDER:
            raise _refused("a date", op)
        sought = _moment(value)
        floor = sought.replace(microsecond=sought.microsecond // 1000 * 1000)
        after = floor + _MILLISECOND
        match op:
            case CompareOperator.gt:
                return Q(**{f"{self.field}__gte": after})
            case CompareOperator.le:
                return Q(**{f"{self.field}__lt": after})
        if op is CompareOperator.eq:
            within = Q(**{f"{self.field}__gte": floor, f"{self.field}__lt": after})
            return within if floor == sought else NEVER
        rounded_up = floor if floor == sought else after
        test = "gte" if op is CompareOperator.ge else "lt"
        return Q(**{f"{self.field}__{test}": rounded_up})

    def present(self) -> Q:
        return ALWAYS

    def sorted_by(self) -> Combinable:
        return F(self.field)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidFilterException(detail=f"“{text[:100]}” is not a date like 2026-03-02T08:00Z.")
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise InvalidFilterException(detail=f"“{text[:100]}” is out of range.") from error


@dataclass(frozen=True)
class Identifier:
    """The id of a resource; text that is not a UUID matches nothing and is not an error.

    It is case-exact (RFC 7643 section 3.1). An address has the `prefix` before the id.
    """

    field: str
    prefix: str = ""

    def compare(self, op: CompareOperator, value: Any) -> Q:
        if op is not CompareOperator.eq:
            raise _refused("an id", op)
        identifier = value.removeprefix(self.prefix)
        try:
            sought = UUID(identifier)
        except ValueError:
            return NEVER
        is_exact = value == f"{self.prefix}{sought}"
        return Q(**{self.field: sought}) if is_exact else NEVER

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
