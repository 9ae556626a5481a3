"""Cards, funds, outstanding items and authorizations.

Amounts are whole numbers of the currency's smallest unit: 1250 is 12.50 EUR, or 1250 JPY.
"""

from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class SpendInstrument(TenantOwned):
    """A card or fund. One person holds it until it ends or is handed over."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=100)
    # The currency of the holder's entity at the time of issue. It never changes.
    currency = models.CharField(max_length=3, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantOwned.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.name


class CardQuerySet(models.QuerySet["Card"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)


CardManager = TenantManager.from_queryset(CardQuerySet)


class Card(SpendInstrument):
    class Kind(models.TextChoices):
        PHYSICAL = "physical", "Physical"
        VIRTUAL = "virtual", "Virtual"

    holder = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="cards")
    kind = models.CharField(max_length=8, choices=Kind)
    last_four = models.CharField(max_length=4)
    monthly_limit = models.PositiveBigIntegerField(
        help_text="In the currency's smallest unit: 50000 is 500.00 EUR."
    )

    objects: ClassVar = CardManager()

    class Meta(SpendInstrument.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["holder"], name="card_live", condition=models.Q(ended_at__isnull=True)
            ),
        ]


class FundQuerySet(models.QuerySet["Fund"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)


FundManager = TenantManager.from_queryset(FundQuerySet)


class Fund(SpendInstrument):
    """A budget that its owner may spend, or a team if it is shared."""

    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="funds")
    # A shared fund blocks the auto-termination of its owner.
    is_shared = models.BooleanField("shared", default=False)
    balance = models.PositiveBigIntegerField(
        help_text="In the currency's smallest unit: 50000 is 500.00 EUR."
    )
    # The largest single payment, if there is a limit.
    payment_limit = models.PositiveBigIntegerField(null=True, blank=True)

    objects: ClassVar = FundManager()

    class Meta(SpendInstrument.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["owner"], name="fund_live", condition=models.Q(ended_at__isnull=True)
            ),
        ]


class OutstandingItemQuerySet(models.QuerySet["OutstandingItem"]):
    def outstanding(self) -> Self:
        """Keep the items that are not settled. They block the auto-termination of their person."""
        return self.filter(state__in=OutstandingItem.OUTSTANDING)


OutstandingItemManager = TenantManager.from_queryset(OutstandingItemQuerySet)


class OutstandingItem(TenantOwned):
    """A reimbursement, a bill or a transaction, with the facts that a termination needs."""

    class Kind(models.TextChoices):
        REIMBURSEMENT = "reimbursement", "Reimbursement"
        BILL = "bill", "Bill"
        TRANSACTION = "transaction", "Transaction"

    class State(models.TextChoices):
        SUBMITTED = "submitted", "Waiting for approval"
        APPROVED = "approved", "Approved, not paid yet"
        PAID = "paid", "Paid"
        DROPPED = "dropped", "Dropped"
        OPEN = "open", "Open"
        PENDING = "pending", "Pending"
        INCOMPLETE = "incomplete", "Incomplete"
        COMPLETE = "complete", "Complete"

    STATES: ClassVar = {
        Kind.REIMBURSEMENT: (State.SUBMITTED, State.APPROVED, State.PAID, State.DROPPED),
        Kind.BILL: (State.OPEN, State.PAID),
        Kind.TRANSACTION: (State.PENDING, State.INCOMPLETE, State.COMPLETE),
    }
    OUTSTANDING: ClassVar = (
        *(State.SUBMITTED, State.APPROVED, State.OPEN, State.PENDING, State.INCOMPLETE),
    )

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="outstanding_items")
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State)
    amount = models.PositiveBigIntegerField(help_text="In the currency's smallest unit.")
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = OutstandingItemManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                name="outstanding_item_state_of_kind",
                condition=models.Q(
                    kind="reimbursement", state__in=["submitted", "approved", "paid", "dropped"]
                )
                | models.Q(kind="bill", state__in=["open", "paid"])
                | models.Q(kind="transaction", state__in=["pending", "incomplete", "complete"]),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["person", "kind"],
                name="outstanding_item_unsettled",
                condition=models.Q(
                    state__in=["submitted", "approved", "open", "pending", "incomplete"]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.description}"


class Authorization(TenantOwned):
    """The decision about a purchase, approved or declined."""

    class Reason(models.TextChoices):
        APPROVED = "approved", "Approved"
        HOLDER_INACTIVE = "holder-inactive", "The holder is not active"
        ENDED = "ended", "The card or fund has ended"
        CURRENCY = "currency", "Another currency"
        LIMIT = "limit", "Over the limit"
        BALANCE = "balance", "Not enough left"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    card = models.ForeignKey(Card, on_delete=models.PROTECT, null=True, related_name="+")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, null=True, related_name="+")
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    merchant = models.CharField(max_length=200, blank=True)
    is_approved = models.BooleanField()
    reason = models.CharField(max_length=16, choices=Reason)
    decided_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                name="authorization_of_one",
                condition=models.Q(card=None) ^ models.Q(fund=None),
            ),
        ]
        indexes: ClassVar = [
            # For the sum of a card's purchases in a month.
            models.Index(fields=["card", "decided_at"], name="authorization_of_card"),
            models.Index(fields=["fund", "decided_at"], name="authorization_of_fund"),
            models.Index(fields=["tenant", "-decided_at"], name="authorization_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}: {self.get_reason_display()}"
