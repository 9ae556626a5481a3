from typing import ClassVar, Self

from django.db import models

from people.db.leases import NAME_LENGTH
from people.tenancy import TenantManager, TenantOwned
from scim.models.connection import Connection


class AsyncRequestQuerySet(models.QuerySet["AsyncRequest"]):
    def unfinished(self) -> Self:
        return self.filter(finished_at=None)


AsyncRequestManager = TenantManager.from_queryset(AsyncRequestQuerySet)


class AsyncRequest(TenantOwned):
    """A request that a worker processes, because the client asked for it (RFC 9967 section 2.5.1).

    The requests of a connection are processed one after the other, in the order of their arrival,
    by the process that holds the lease.
    """

    # The request id of the response, which is also the `Set-Txn`.
    id = models.UUIDField(primary_key=True, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    # The token is checked again before each operation, because it may be revoked meanwhile.
    token_digest = models.CharField(max_length=64, editable=False)
    method = models.CharField(max_length=8)
    path = models.TextField()
    if_match = models.TextField(blank=True)
    # Encrypted, because it may contain a password. Blank when the request is finished.
    body = models.TextField(blank=True, editable=False)
    # What the request log stores of the headers, by their names in `META`.
    headers = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    held_by = models.CharField(max_length=NAME_LENGTH, blank=True)
    held_until = models.DateTimeField(null=True)

    objects: ClassVar = AsyncRequestManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["connection", "received_at"],
                name="async_request_waiting",
                condition=models.Q(finished_at=None),
            ),
            models.Index(fields=["finished_at"], name="async_request_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_bulk(self) -> bool:
        return self.path == "Bulk"

    def txn_of(self, index: int) -> str:
        """Return the `txn` of the events of an operation (RFC 9967 section 2.5.1.2)."""
        return f"{self.pk}:{index}" if self.is_bulk else str(self.pk)


class AsyncResult(TenantOwned):
    """The result of one operation of an asynchronous request.

    It is stored in the transaction of the operation, so that a worker that continues the request
    knows what another one has done before it died.
    """

    # The request id of the operation. It follows from the request and the index, so a second row
    # with the same meaning cannot exist.
    id = models.UUIDField(primary_key=True, editable=False)
    request = models.ForeignKey(AsyncRequest, on_delete=models.CASCADE, related_name="results")
    index = models.PositiveIntegerField()
    # As in the response to a bulk request (RFC 7644 section 3.7.3).
    result = models.JSONField()

    def __str__(self) -> str:
        return f"operation {self.index} of {self.request}"
