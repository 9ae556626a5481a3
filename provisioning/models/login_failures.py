from django.db import models


class FailedLogins(models.Model):
    """The recent attempts for a login name, from one source or from all.

    Visitors may type anything as a name, even their password, so only its digest is stored.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    # The digest of the name alone.
    account = models.CharField(max_length=64, default="", db_index=True)
    tries = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    # Until when attempts are refused; None if they are not.
    locked_until = models.DateTimeField(null=True)
    # Until when another process checks a password for the name.
    judging_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "guesses"

    def __str__(self) -> str:
        return f"{self.tries} tries"
