"""Issuing and ending what people spend with, and deciding whether they may.

A decision holds the holder's row, and only then the card's or the fund's. Deactivation holds
the same row, so that every decision falls before it or after it, never beside it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from people import events, money, tenancy
from people.models import Authorization, Card, Event, Fund, Person
from people.operations.locks import lock
from people.operations.offboarding.handover_plan import currency_of
from people.values import Actor, PeopleError

Reason = Authorization.Reason
AnyHeld = Card | Fund


class HolderInactive(PeopleError):
    code = "holder-inactive"

    def __init__(self, person: Person, field: str) -> None:
        super().__init__(f"{person.display_name} is not active and cannot get cards or funds.")
        self.field = field


class Ended(PeopleError):
    code = "ended"

    def __init__(self, held: AnyHeld) -> None:
        super().__init__(f"“{held}” has ended and cannot be changed.")


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What somebody wants to pay; the amount is in the currency's smallest unit."""

    amount: int
    currency: str
    merchant: str = ""


@transaction.atomic
def issue_card(card: Card, *, actor: Actor) -> Card:
    """Store a new card in its holder's currency.

    :raises HolderInactive: if the holder could not use it.
    """
    _begin(card, actor=actor, what=f"issued the card “{card}” to {{person}}")
    return card


@transaction.atomic
def open_fund(fund: Fund, *, actor: Actor) -> Fund:
    """Store a new fund in its owner's currency.

    :raises HolderInactive: if the owner could not use it.
    """
    _begin(fund, actor=actor, what=f"opened the fund “{fund}” for {{person}}")
    return fund


@transaction.atomic
def change_card(card: Card, *, actor: Actor) -> bool:
    """Store the card's name and limit as they now read, and tell whether they are new.

    :raises Ended: if the card has ended meanwhile.
    """
    return _change(card, ("name", "monthly_limit"), actor=actor)


@transaction.atomic
def change_fund(fund: Fund, *, more: int = 0, actor: Actor) -> bool:
    """Store the fund's name, sharing and limit as they now read, and add to what is left.

    :raises Ended: if the fund has ended meanwhile.
    """
    stored = Fund.objects.select_for_update().get(pk=fund.pk)
    fund.balance = stored.balance + more
    return _change(fund, ("name", "is_shared", "payment_limit", "balance"), actor=actor)


@transaction.atomic
def close_instrument(held: AnyHeld, *, actor: Actor) -> bool:
    """Let nothing more be paid with the card or fund, and tell whether that is news."""
    stored = type(held).objects.select_for_update().get(pk=held.pk)
    held.ended_at = stored.ended_at or timezone.now()
    if stored.ended_at:
        return False
    held.save(update_fields=["ended_at"])
    _record(held, f"ended the {_noun(held)} “{held}” of {{person}}", actor=actor)
    return True


def authorize(held: AnyHeld, purchase: Purchase) -> Authorization:
    """Decide whether that may be paid with the card or fund, and keep the answer.

    What is approved on a fund is taken off its balance.
    """
    while True:
        with transaction.atomic():
            holder_id = _holder_id(held)
            state = _held_state(holder_id)
            held = type(held).objects.select_for_update().get(pk=held.pk)
            if _holder_id(held) == holder_id:
                return _decide(held, state, purchase)
        # It went to somebody else while we waited, whose row has to be held first.


def _holder_id(held: AnyHeld) -> UUID:
    return held.holder_id if isinstance(held, Card) else held.owner_id


def _held_state(person_id: UUID) -> str:
    """Keep the person as they are until the transaction ends, and return their state.

    FOR SHARE would do, were it not that those who share a row never let in whoever wants it
    alone: a stream of purchases would put the deactivation off until it ends.
    """
    rows = Person.objects.filter(tenant_id=tenancy.current_id()).select_for_update(no_key=True)
    return str(rows.values_list("state", flat=True).get(pk=person_id))


def _decide(held: AnyHeld, state: str, purchase: Purchase) -> Authorization:
    now = timezone.now()
    reason = _reason(held, state, purchase, now)
    is_approved = reason == Reason.APPROVED
    if is_approved and isinstance(held, Fund):
        held.balance -= purchase.amount
        held.save(update_fields=["balance"])
    return Authorization.objects.create(
        tenant_id=held.tenant_id,
        card=held if isinstance(held, Card) else None,
        fund=held if isinstance(held, Fund) else None,
        amount=purchase.amount,
        currency=purchase.currency,
        merchant=purchase.merchant,
        is_approved=is_approved,
        reason=reason,
        decided_at=now,
    )


def _reason(held: AnyHeld, state: str, purchase: Purchase, now: datetime) -> Reason:
    if state != Person.State.ACTIVE:
        return Reason.HOLDER_INACTIVE
    if held.ended_at:
        return Reason.ENDED
    if held.currency != purchase.currency:
        return Reason.CURRENCY
    if isinstance(held, Card):
        over = _spent_this_month(held, now) + purchase.amount > held.monthly_limit
        return Reason.LIMIT if over else Reason.APPROVED
    if held.payment_limit is not None and purchase.amount > held.payment_limit:
        return Reason.LIMIT
    return Reason.BALANCE if purchase.amount > held.balance else Reason.APPROVED


def _spent_this_month(card: Card, now: datetime) -> int:
    """Return what was approved since the month began, in UTC."""
    began = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    approved = Authorization.objects.filter(card=card, is_approved=True, decided_at__gte=began)
    # PostgreSQL's sum of big integers is a decimal.
    return int(approved.aggregate(spent=Sum("amount"))["spent"] or 0)


def _begin(held: AnyHeld, *, actor: Actor, what: str) -> None:
    name = "holder" if isinstance(held, Card) else "owner"
    person: Person = getattr(held, name)
    # Also lets nobody terminate them beside it, who would leave this behind.
    lock(person)
    if person.state != Person.State.ACTIVE:
        raise HolderInactive(person, name)
    held.tenant_id, held.currency = person.tenant_id, currency_of(person)
    if isinstance(held, Card) and not held.last_four:
        held.last_four = f"{secrets.randbelow(10_000):04}"
    held.save(force_insert=True)
    _record(held, what, actor=actor)


def _change(held: AnyHeld, names: tuple[str, ...], *, actor: Actor) -> bool:
    stored = type(held).objects.select_for_update().get(pk=held.pk)
    if stored.ended_at:
        raise Ended(held)
    changed = [name for name in names if getattr(stored, name) != getattr(held, name)]
    if not changed:
        return False
    held.save(update_fields=changed)
    said = ", ".join(f"{name.replace('_', ' ')} {_said(held, name)}" for name in changed)
    _record(held, f"changed the {_noun(held)} “{stored}” of {{person}}: {said}", actor=actor)
    return True


def _said(held: AnyHeld, name: str) -> str:
    value: Any = getattr(held, name)
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return money.written(value, held.currency)
        case None:
            return "none"
        case _:
            return f"“{value}”"


def _noun(held: AnyHeld) -> str:
    return "card" if isinstance(held, Card) else "fund"


def _record(held: AnyHeld, what: str, *, actor: Actor) -> None:
    person = held.holder if isinstance(held, Card) else held.owner
    what = what.replace("{person}", person.full_name)
    events.record(Event.Kind.SPEND_CHANGED, person, actor=actor, what=what, id=str(held.pk))
