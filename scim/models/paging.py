from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned
from scim.models.connection import Connection


class PaginationAnchor(TenantOwned):
    """The row after which a page that is requested by startIndex begins.

    Providers request a list page by page. Counting from the top for each page is slow, and skips
    rows if a row before them was deleted meanwhile.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    # Digest of the query: resource type, filter and order.
    query_hash = models.CharField(max_length=64)
    start_index = models.PositiveBigIntegerField()
    after = models.PositiveBigIntegerField()
    # The state of the stored counts at that time, and by how much the total exceeded them.
    moved = models.BigIntegerField(null=True)
    surplus = models.BigIntegerField(null=True)
    made_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "connection", "query_hash", "start_index", name="pagination_anchor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start_index} after {self.after}"
