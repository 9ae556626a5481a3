from typing import ClassVar

from django.db import models

from people.models import Person
from people.tenancy import TenantOwned
from scim.models.connection import Connection
from scim.models.resources import ScimUser


class MatchDecision(TenantOwned):
    """What an administrator decided, before activation, about one row of the match report.

    It is about a resource that the provider sent, or about a person who exists only in Ramp.
    """

    class Choice(models.TextChoices):
        LINK = "link", "Link"
        LEAVE = "leave", "Leave as it is"
        DEACTIVATE = "deactivate", "Deactivate"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="choices")
    user = models.OneToOneField(
        ScimUser, on_delete=models.CASCADE, null=True, related_name="choice"
    )
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    choice = models.CharField(max_length=16, choices=Choice)
    decided_by = models.CharField(max_length=255)
    decided_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("connection", "person", name="match_decision_of_person"),
            models.CheckConstraint(
                name="match_decision_about_one",
                condition=models.Q(user=None) ^ models.Q(person=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_choice_display()}: {self.user or self.person}"
