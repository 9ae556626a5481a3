"""The URLs of the API. Each works with and without a trailing slash."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound

from people.api import attention, audit, people, spend
from people.api.base import ApiView
from people.views.api_reference import api_reference

VIEWS: dict[str, type[ApiView]] = {
    "people": people.PersonList,
    "people/<uuid:person_id>": people.PersonDetail,
    "people/<uuid:person_id>/deactivate": people.DeactivatePerson,
    "people/<uuid:person_id>/reactivate": people.ReactivatePerson,
    "team-updates": people.TeamUpdates,
    "attention": attention.AttentionList,
    "audit-events": audit.AuditEventList,
    "events": audit.EventFeed,
    "cards": spend.CardList,
    "cards/<uuid:card_id>": spend.CardDetail,
    "funds": spend.FundList,
    "funds/<uuid:fund_id>": spend.FundDetail,
    "authorizations": spend.AuthorizationList,
    "authorizations/<uuid:authorization_id>": spend.AuthorizationDetail,
}


@extend_schema(exclude=True)
class NotFoundView(ApiView):
    """Answers all other URLs with 404, in the format of the API's errors."""

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound


def drop_duplicate_paths(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Keep each URL only once in the schema, without the trailing slash."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def _paths() -> Iterator[URLPattern]:
    for address, view in VIEWS.items():
        answer = view.as_view()
        yield path(address, answer)
        # A redirect to the other spelling would lose the body of a POST.
        yield path(f"{address}/", answer)


urlpatterns = [
    *_paths(),
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("docs/", api_reference, name="api_reference"),
    # A path may contain line breaks, which the converter `path` refuses.
    re_path(r"^[\s\S]*$", NotFoundView.as_view()),
]
