"""Re-authentication: a session that signed in a while ago confirms who it is.

`requires_recent_authentication` is for views that create credentials or decide who can sign in. If
the session's last authentication is older than 15 minutes, it interrupts a POST, stores its data
encrypted in the session, and redirects to the page “Confirm it is you” of the app that signs
people in. After that, the same request continues with the stored data.
"""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Final, TypeVar, cast

from cryptography.fernet import Fernet, InvalidToken
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.datastructures import MultiValueDict
from django.utils.http import urlencode

from people import hooks

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

RECENT: Final = timedelta(minutes=15)
# How long an interrupted request can be continued, how many a session keeps, and how large a
# file may be. A larger file is left out, and the form asks for it again.
INTERRUPTED_LIFETIME: Final = timedelta(hours=1)
MAX_INTERRUPTED: Final = 3
MAX_FILE_SIZE: Final = 256 * 1024
# Keys of the session, and the query parameter that continues an interrupted request.
AUTHENTICATED_AT: Final = "authenticated_at"
INTERRUPTED: Final = "interrupted_requests"
CONTINUE: Final = "continue"


def requires_recent_authentication(view: View) -> View:
    """Interrupt a POST to the view until the visitor has confirmed their identity.

    Put it below the decorator that checks access, so that only people who may see the page
    are asked.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and not authenticated_recently(request):
            return _interrupt(request)
        if request.method == "GET" and CONTINUE in request.GET:
            _continue(request)
        return view(request, *args, **kwargs)

    return cast("View", checked)


def record_authentication(*, request: HttpRequest, **_: Any) -> None:
    """Store in the session that the person has just authenticated."""
    request.session[AUTHENTICATED_AT] = timezone.now().timestamp()


def authenticated_recently(request: HttpRequest) -> bool:
    at: float = request.session.get(AUTHENTICATED_AT, 0)
    # A time in the future, after the clock was set back, counts as old.
    return 0 <= timezone.now().timestamp() - at < RECENT.total_seconds()


def interrupted_path(request: HttpRequest, key: str) -> str:
    """Return the path of the interrupted request; blank if there is none with this key."""
    kept = request.session.get(INTERRUPTED, {}).get(key)
    return str(kept["path"]) if kept else ""


def continued_path(request: HttpRequest, key: str) -> str:
    """Return the URL that continues the interrupted request."""
    path = interrupted_path(request, key)
    return f"{path}{'&' if '?' in path else '?'}{urlencode({CONTINUE: key})}" if path else ""


def _interrupt(request: HttpRequest) -> HttpResponse:
    page = hooks.url_of(hooks.Page.CONFIRM_IDENTITY)
    if not page:
        # Without such a page, only a new sign-in can confirm their identity.
        logout(request)
        return redirect_to_login(request.get_full_path())
    now = timezone.now().timestamp()
    kept = {
        key: one
        for key, one in request.session.get(INTERRUPTED, {}).items()
        if now - one["at"] < INTERRUPTED_LIFETIME.total_seconds()
    }
    # Only a few requests are kept, because they can contain files and are stored in the session.
    newest = dict(list(kept.items())[1 - MAX_INTERRUPTED :])
    key = secrets.token_urlsafe(16)
    sent = {
        "fields": request.POST.urlencode(),
        "files": [
            (name, file.name, base64.b64encode(file.read()).decode(), file.content_type)
            for name, file in request.FILES.items()
            if isinstance(file, UploadedFile) and (file.size or 0) <= MAX_FILE_SIZE
        ],
    }
    encrypted = _box(request).encrypt(json.dumps(sent).encode()).decode()
    path = request.get_full_path()
    request.session[INTERRUPTED] = newest | {key: {"path": path, "sent": encrypted, "at": now}}
    return redirect(f"{page}?{urlencode({CONTINUE: key})}")


def _continue(request: HttpRequest) -> None:
    """Turn the GET request into the interrupted POST, if it is stored.

    This needs no CSRF check: the POST has passed it, and its key works only once and in this
    session.
    """
    query = request.GET.copy()
    [key] = query.pop(CONTINUE)[-1:]
    request.GET = query  # type: ignore[assignment]
    if not authenticated_recently(request):
        return
    sent = _pop_request(request, key)
    if sent is None:
        messages.info(request, "This was already submitted or has expired. Check before you retry.")
        return
    request.method = "POST"
    request.POST = QueryDict(sent["fields"])
    request._files = MultiValueDict(  # type: ignore[attr-defined]  # noqa: SLF001
        {
            name: [SimpleUploadedFile(file, base64.b64decode(content), kind)]
            for name, file, content, kind in sent["files"]
        }
    )


def _pop_request(request: HttpRequest, key: str) -> dict[str, Any] | None:
    """Remove and return the data of the interrupted request, if it was sent to this URL."""
    # A link with this key to another page must not send the data there.
    if interrupted_path(request, key).partition("?")[0] != request.path:
        return None
    kept = request.session[INTERRUPTED].pop(key)
    request.session.modified = True
    try:
        sent: dict[str, Any] = json.loads(_box(request).decrypt(kept["sent"].encode()))
    except InvalidToken:
        # SECRET_KEY was replaced since then.
        return None
    return sent


def _box(request: HttpRequest) -> Fernet:
    """Return the encryption for this person's data: forms may contain secrets."""
    mac = salted_hmac(__name__, f"sent by {request.user.pk}", algorithm="sha256")
    return Fernet(base64.urlsafe_b64encode(mac.digest()))
