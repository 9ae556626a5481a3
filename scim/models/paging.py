from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned
from scim.models.connection import Connection


class PaginationAnchor(TenantOwned):
    """Where a page that was asked for by startIndex really begins.

    Providers walk a list page by page. Counting from the top again for each page is slow
    and loses people when somebody before them leaves in between; the row after the last
    one shown is neither.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    # Digest of the query: resource type, filter and order.
    query_hash = models.CharField(max_length=64)
    start_index = models.PositiveBigIntegerField()
    after = models.PositiveBigIntegerField()
    made_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "connection", "query_hash", "start_index", name="pagination_anchor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start_index} after {self.after}"
