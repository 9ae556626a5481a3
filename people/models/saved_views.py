"""Saved views of the People page."""

from typing import ClassVar, Self

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def usable_by(self, viewer: Person) -> Self:
        """Keep the administrator's own views, and those that others share."""
        return self.filter(models.Q(is_shared=True) | models.Q(owner=viewer)).order_by("name", "pk")


SavedViewManager = TenantManager.from_queryset(SavedViewQuerySet)


class SavedView(TenantOwned):
    """Filters, columns and order of the People page, as an administrator saved them.

    The view without a name is what the page shows the administrator by default.
    """

    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100, blank=True)
    is_shared = models.BooleanField(default=False)
    # The query string of the filters and of the search.
    filters = models.CharField(max_length=2000, blank=True)
    # The names of the columns, in their order.
    columns = models.JSONField(default=list)
    # The name of a column, with “-” in front for descending order.
    order = models.CharField(max_length=64, blank=True)

    objects: ClassVar = SavedViewManager()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("owner", "name", name="saved_view_once"),
        ]

    def __str__(self) -> str:
        return self.name
