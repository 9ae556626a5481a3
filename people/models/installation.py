from typing import ClassVar

from django.db import models


class Installation(models.Model):
    """What Ramp knows about this installation as a whole: at most one row.

    It says whether the database was restored from a backup, see `people.operations.restores`.
    """

    ONLY: ClassVar = 1

    # Always ONLY.
    id = models.PositiveSmallIntegerField(primary_key=True)
    # The database that Ramp ran on last. It changes when a dump is restored into another database.
    database = models.CharField(max_length=100, blank=True)
    # Since when jobs and mails are held; None while they are not.
    held_since = models.DateTimeField(null=True)
    # Increasing it invalidates all mailed links.
    link_epoch = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="installation_only_one", condition=models.Q(id=1)),
        ]

    def __str__(self) -> str:
        return "This installation"

    @classmethod
    def current(cls) -> "Installation":
        """Return the row, or a new one that is not stored yet."""
        return cls.objects.filter(pk=cls.ONLY).first() or cls(pk=cls.ONLY)
