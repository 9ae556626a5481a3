"""An administrator who compares a list on the pages."""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from people.models import BulkChange
from people.tasks import continue_comparisons
from tests.clients.pages import text_of


class Visit:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.url = ""

    def upload(self, content: str | bytes) -> None:
        """Upload the list, and remember its page."""
        data = content if isinstance(content, bytes) else content.encode()
        file = SimpleUploadedFile("list.csv", data)
        answer = self.client.post("/people/compare/", {"file": file})
        assert answer.status_code == 302, text_of(answer)
        self.url = answer["Location"].removesuffix("columns/")

    def compare(
        self, content: str | bytes, *, work: Callable[[], Any] = continue_comparisons
    ) -> Any:
        """Upload the list, confirm the suggested columns, and let a worker compare."""
        self.upload(content)
        form = self.client.get(f"{self.url}columns/").context["form"]
        data = {one.html_name: one.value() for one in form}
        answer = self.client.post(f"{self.url}columns/", data)
        assert answer.status_code == 302, text_of(answer)
        return work()

    def page(self, show: str = "") -> str:
        return text_of(self.client.get(self.url, {"show": show} if show else {}))

    def post(self, **data: Any) -> None:
        self.client.post(self.url, data)

    def tick(self, show: str, name: str) -> None:
        """Select the row of the person in addition to the selected ones."""
        rows = self.client.get(self.url, {"show": show}).context["page"]
        ticked = [row.pk for row in rows if row.is_selected or row.name == name]
        self.post(show=show, shown=[row.pk for row in rows], row=ticked, do="save")

    def apply(self, *, work: Callable[[], Any] = continue_comparisons, **data: Any) -> Any:
        """Confirm the selection, and let a worker apply it."""
        answer = self.client.post(f"{self.url}apply/", data)
        assert answer.status_code == 302, text_of(answer)
        return work()

    def bulk_change_url(self) -> str:
        return f"/people/bulk-changes/{BulkChange.objects.latest('began_at').pk}/"

    def undo(self) -> str:
        url = f"{self.bulk_change_url()}undo/"
        kept = self.client.get(url).context["kept"]
        return text_of(self.client.post(url, {"kept": kept}, follow=True))
