from django.db import models


class AccountStatus(models.TextChoices):
    """Whether an account can be used. All values except the first are codes in the log."""

    GOOD = "", "good"
    DISABLED = "account-disabled", "disabled"
    EXPIRED = "account-expired", "expired"
    # The entry is there, but not below the base DN or not matched by the user filter.
    OUTSIDE = "account-outside", "not among those that may sign in"
    UNKNOWN = "account-unknown", "deleted"
