from typing import ClassVar, Self

from django.db import models

from people.models import Person
from people.tenancy import TenantManager, TenantOwned
from scim.models.connection import Connection
from scim.models.resources import ScimUser

UNANSWERED = models.Q(answered_at=None)


class QuestionQuerySet(models.QuerySet["SamePersonQuestion"]):
    def open(self) -> Self:
        """Filter for open questions: the new user exists, and the earlier person is inactive."""
        return self.filter(
            UNANSWERED,
            user__deleted_at=None,
            connection__disconnected_at=None,
            earlier__state=Person.State.INACTIVE,
        )


QuestionManager = TenantManager.from_queryset(QuestionQuerySet)


class SamePersonQuestion(TenantOwned):
    """Asks whether a new resource is a person who left and had one of its identifiers."""

    class Answer(models.TextChoices):
        SAME = "same", "the same person"
        DIFFERENT = "different", "a different person"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="questions")
    # The deleted resource, and the person it was linked to.
    earlier_user = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="+")
    earlier = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # Names of traits, see scim.sync.match_evidence.
    agrees = models.JSONField(default=list)
    differs = models.JSONField(default=list)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=255, blank=True)
    answer = models.CharField(max_length=16, choices=Answer, blank=True)

    objects: ClassVar = QuestionManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("user", "earlier", name="same_person_asked_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "asked_at"], name="same_person_open", condition=UNANSWERED
            ),
        ]

    def __str__(self) -> str:
        return f"Is {self.user} {self.earlier}?"
