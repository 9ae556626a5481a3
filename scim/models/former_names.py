from typing import ClassVar

from django.db import models

from scim.models.resources import ScimUser


class FormerName(models.Model):
    """A userName, externalId or email that a user of a connection had.

    Providers do not send the reports of a renamed manager again, so the reports may refer to the
    manager by a former name.
    """

    user = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="former_names")
    # Folded. Several users may have had the name one after another.
    name_key = models.CharField(max_length=512)
    until = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["name_key"], name="former_name_found")]

    def __str__(self) -> str:
        return self.name_key
