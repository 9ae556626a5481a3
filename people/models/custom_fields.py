from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from people.tenancy import TenantOwned


class CustomField(TenantOwned):
    """A field that a tenant has added to its people. Person.custom_values has the values."""

    name = models.CharField(max_length=100)
    # The name of the SCIM attribute, converted from camelCase to snake_case, must equal this text
    # exactly, including case.
    external_name = models.CharField(
        max_length=100,
        validators=[RegexValidator("^[a-z][a-z0-9_]*$", "Use snake_case, such as cost_center.")],
        help_text=(
            "What a SCIM attribute must be called to fill this field, in snake_case: "
            "costCenter arrives as cost_center."
        ),
    )

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "external_name", name="custom_field_name_taken"),
        ]

    def __str__(self) -> str:
        return self.name
