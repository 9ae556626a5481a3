from django.db import models


class FailedLogins(models.Model):
    """How often a password was tried for a login name lately, from one source or from all.

    The name may be anything somebody typed, even a password, so only its digest is kept.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    # The digest of the name alone.
    account = models.CharField(max_length=64, default="", db_index=True)
    tries = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    # Until when nothing is tried; None while tries are free.
    locked_until = models.DateTimeField(null=True)
    # Until when another process judges a password for the name.
    judging_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "guesses"

    def __str__(self) -> str:
        return f"{self.tries} tries"
