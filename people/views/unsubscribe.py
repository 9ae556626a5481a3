"""The page behind the link with which email programs end a digest (RFC 8058)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from people import tenancy
from people.mail.signed_links import ForgedLink
from people.mail.unsubscribe_links import person_id_from
from people.models import Person
from people.operations.account_settings import unsubscribe_from_digest
from people.views.page_context import page_context


# An email program sends the POST without a cookie and without a CSRF token. The signed link is the
# authority, and the visitor's session does not matter.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, which mail scanners send as well, and end the digest on POST."""
    try:
        with tenancy.across_tenants():
            person = Person.objects.select_related("tenant").get(pk=person_id_from(token))
    except (ForgedLink, Person.DoesNotExist):
        return _page(request, "This link does not work", status=404)
    is_done = request.method == "POST"
    if is_done:
        with tenancy.use(person.tenant_id):
            unsubscribe_from_digest(person)
    title = "You get no more digests" if is_done else "End the email digest?"
    response = _page(request, title, person=person, is_done=is_done)
    # With “no-referrer”, browsers would post “Origin: null”.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _page(
    request: HttpRequest,
    title: str,
    *,
    status: int = 200,
    person: Person | None = None,
    is_done: bool = False,
) -> HttpResponse:
    context = page_context(request, title) | {
        "receiver": person,
        "tenant": person.tenant if person else None,
        "is_done": is_done,
    }
    return render(request, "people/unsubscribe.html", context, status=status)
