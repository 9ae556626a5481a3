from typing import ClassVar, Self

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def alive(self) -> Self:
        """Keep the tokens that open the API now: they die with their person's activity."""
        return self.filter(
            revoked_at=None,
            tenant__is_active=True,
            person__state=Person.State.ACTIVE,
            person__session_epoch=models.F("session_epoch"),
        )


ApiTokenManager = TenantManager.from_queryset(ApiTokenQuerySet)


class ApiToken(TenantOwned):
    """A token for programs, made by a person and worth what that person is.

    Only its digest is kept.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=4, editable=False)
    # The person's epoch when it was made; a later one ends it.
    session_epoch = models.PositiveIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar = ApiTokenManager()

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"
