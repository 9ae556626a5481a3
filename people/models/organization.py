"""Departments, locations, and the legal entities that locations belong to."""

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from people.tenancy import TenantOwned


class NamedModel(TenantOwned):
    """A row with a name that is unique in the tenant, regardless of case."""

    name = models.CharField(max_length=200)
    # The normalized name: “Sales” and “SALES” are the same department.
    name_key = models.CharField(max_length=400, editable=False)

    class Meta(TenantOwned.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.name


class Entity(NamedModel):
    """A legal entity of the company; its cards are issued in one currency."""

    # It cannot change while people work at the entity's locations, see `check_currency`.
    currency = models.CharField(
        "issuing currency",
        max_length=3,
        validators=[RegexValidator("^[A-Z]{3}$", "Use the ISO 4217 code, such as EUR.")],
    )

    class Meta(NamedModel.Meta):
        verbose_name_plural = "entities"
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "name_key", name="entity_name_taken"),
        ]


class Location(NamedModel):
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="locations")

    class Meta(NamedModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "name_key", name="location_name_taken"),
        ]


class Department(NamedModel):
    class Meta(NamedModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "name_key", name="department_name_taken"),
        ]
