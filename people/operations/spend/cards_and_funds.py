"""Issues, changes and ends cards and funds, and authorizes purchases.

A decision about a purchase locks the holder, and then the card or the fund. A deactivation locks
the holder too, so each decision is made either before or after it.
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
Instrument = Card | Fund


class HolderInactive(PeopleError):
    code = "holder-inactive"

    def __init__(self, person: Person, field: str) -> None:
        super().__init__(f"{person.display_name} is not active and cannot get cards or funds.")
        self.field = field


class Ended(PeopleError):
    code = "ended"

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(f"“{instrument}” has ended and cannot be changed.")


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """A purchase to authorize. The amount is in the currency's smallest unit."""

    amount: int
    currency: str
    merchant: str = ""


@transaction.atomic
def issue_card(card: Card, *, actor: Actor) -> Card:
    """Store a new card in its holder's currency.

    :raises HolderInactive: if the holder is not active.
    """
    _begin(card, actor=actor, what=f"issued the card “{card}” to {{person}}")
    return card


@transaction.atomic
def open_fund(fund: Fund, *, actor: Actor) -> Fund:
    """Store a new fund in its owner's currency.

    :raises HolderInactive: if the owner is not active.
    """
    _begin(fund, actor=actor, what=f"opened the fund “{fund}” for {{person}}")
    return fund


@transaction.atomic
def change_card(card: Card, *, actor: Actor) -> bool:
    """Store the card's new name and limit; return whether anything changed.

    :raises Ended: if the card has ended.
    """
    return _change(card, ("name", "monthly_limit"), actor=actor)


@transaction.atomic
def change_fund(fund: Fund, *, more: int = 0, actor: Actor) -> bool:
    """Store the fund's new name, sharing and limit, and add `more` to the balance.

    :raises Ended: if the fund has ended.
    """
    stored = Fund.objects.select_for_update().get(pk=fund.pk)
    # Read under the lock, because purchases change the balance.
    fund.balance = stored.balance + more
    return _change(fund, ("name", "is_shared", "payment_limit", "balance"), actor=actor)


@transaction.atomic
def close_instrument(instrument: Instrument, *, actor: Actor) -> bool:
    """End the card or fund; return False if it had ended already."""
    stored = type(instrument).objects.select_for_update().get(pk=instrument.pk)
    instrument.ended_at = stored.ended_at or timezone.now()
    if stored.ended_at:
        return False
    instrument.save(update_fields=["ended_at"])
    _record(instrument, f"ended the {_noun(instrument)} “{instrument}” of {{person}}", actor=actor)
    return True


def authorize(instrument: Instrument, purchase: Purchase) -> Authorization:
    """Approve or decline the purchase with the card or fund, and store the decision.

    An approved purchase reduces the balance of a fund.
    """
    while True:
        with transaction.atomic():
            holder_id = _holder_id(instrument)
            # FOR SHARE would be enough for correctness. But with a constant stream of purchases,
            # shared locks would overlap, and a deactivation would never get its exclusive lock.
            people = Person.objects.filter(tenant_id=tenancy.current_id())
            states = people.select_for_update(no_key=True).values_list("state", flat=True)
            state = str(states.get(pk=holder_id))
            instrument = type(instrument).objects.select_for_update().get(pk=instrument.pk)
            if _holder_id(instrument) == holder_id:
                return _decide(instrument, state, purchase)
        # It was handed over while we waited, so the new holder's row has to be locked first.


def _holder_id(instrument: Instrument) -> UUID:
    return instrument.holder_id if isinstance(instrument, Card) else instrument.owner_id


def _decide(instrument: Instrument, state: str, purchase: Purchase) -> Authorization:
    now = timezone.now()
    reason = _reason(instrument, state, purchase, now)
    is_approved = reason == Reason.APPROVED
    if is_approved and isinstance(instrument, Fund):
        instrument.balance -= purchase.amount
        instrument.save(update_fields=["balance"])
    return Authorization.objects.create(
        tenant_id=instrument.tenant_id,
        card=instrument if isinstance(instrument, Card) else None,
        fund=instrument if isinstance(instrument, Fund) else None,
        amount=purchase.amount,
        currency=purchase.currency,
        merchant=purchase.merchant,
        is_approved=is_approved,
        reason=reason,
        decided_at=now,
    )


def _reason(instrument: Instrument, state: str, purchase: Purchase, now: datetime) -> Reason:
    if state != Person.State.ACTIVE:
        return Reason.HOLDER_INACTIVE
    if instrument.ended_at:
        return Reason.ENDED
    if instrument.currency != purchase.currency:
        return Reason.CURRENCY
    if isinstance(instrument, Card):
        # Months begin in UTC.
        began = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        approved = Authorization.objects.filter(card=instrument, is_approved=True)
        this_month = approved.filter(decided_at__gte=began).aggregate(spent=Sum("amount"))
        # PostgreSQL returns the sum of bigint as numeric.
        spent = int(this_month["spent"] or 0)
        over = spent + purchase.amount > instrument.monthly_limit
        return Reason.LIMIT if over else Reason.APPROVED
    if instrument.payment_limit is not None and purchase.amount > instrument.payment_limit:
        return Reason.LIMIT
    return Reason.BALANCE if purchase.amount > instrument.balance else Reason.APPROVED


def _begin(instrument: Instrument, *, actor: Actor, what: str) -> None:
    name = "holder" if isinstance(instrument, Card) else "owner"
    person: Person = getattr(instrument, name)
    # The lock also keeps them from being terminated at the same time, which would miss this one.
    lock(person)
    if person.state != Person.State.ACTIVE:
        raise HolderInactive(person, name)
    instrument.tenant_id, instrument.currency = person.tenant_id, currency_of(person)
    if isinstance(instrument, Card) and not instrument.last_four:
        instrument.last_four = f"{secrets.randbelow(10_000):04}"
    instrument.save(force_insert=True)
    _record(instrument, what, actor=actor)


def _change(instrument: Instrument, names: tuple[str, ...], *, actor: Actor) -> bool:
    stored = type(instrument).objects.select_for_update().get(pk=instrument.pk)
    if stored.ended_at:
        raise Ended(instrument)
    changed = [name for name in names if getattr(stored, name) != getattr(instrument, name)]
    if not changed:
        return False
    instrument.save(update_fields=changed)
    changes = ", ".join(
        f"{name.replace('_', ' ')} {_value_text(instrument, name)}" for name in changed
    )
    _record(
        instrument,
        f"changed the {_noun(instrument)} “{stored}” of {{person}}: {changes}",
        actor=actor,
    )
    return True


def _value_text(instrument: Instrument, name: str) -> str:
    value: Any = getattr(instrument, name)
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return money.format_amount(value, instrument.currency)
        case None:
            return "none"
        case _:
            return f"“{value}”"


def _noun(instrument: Instrument) -> str:
    return "card" if isinstance(instrument, Card) else "fund"


def _record(instrument: Instrument, what: str, *, actor: Actor) -> None:
    person = instrument.holder if isinstance(instrument, Card) else instrument.owner
    what = what.replace("{person}", person.full_name)
    events.record(Event.Kind.SPEND_CHANGED, person, actor=actor, what=what, id=str(instrument.pk))
