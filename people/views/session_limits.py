"""When a session ends by itself: at a time, or when it was not used for a while.

A sign-in stores the limits in its session, so they hold for sessions that begin afterwards.
"""

from typing import Final

from django.http import HttpRequest
from django.utils import timezone

# Keys of the session.
ENDS_AT: Final = "session_ends_at"
IDLE_SECONDS: Final = "session_idle_seconds"
USED_AT: Final = "session_used_at"
# Of the next session: what the sign-in page says.
WHY_ENDED: Final = "why_session_ended"
# The use of a session is written at most this often.
INTERVAL: Final = 30
OVER: Final = "Your session has ended, because it had reached its time limit. Sign in again."
UNUSED: Final = "Your session has ended, because you had not used it for a while. Sign in again."


def limit_session(request: HttpRequest, *, ends_at: float | None, idle_seconds: int) -> None:
    """Have the session end at this time, and after this time without use; 0 for no limit."""
    request.session[ENDS_AT], request.session[IDLE_SECONDS] = ends_at, idle_seconds
    request.session[USED_AT] = timezone.now().timestamp()


def why_ended(request: HttpRequest) -> str:
    """Return why the session has ended; blank if it has not. Then this request counts as use."""
    now = timezone.now().timestamp()
    ends_at, idle = request.session.get(ENDS_AT), request.session.get(IDLE_SECONDS, 0)
    if ends_at is not None and now >= ends_at:
        return OVER
    unused = now - request.session.get(USED_AT, now)
    if idle and unused >= idle:
        return UNUSED
    if idle and unused >= min(INTERVAL, idle / 2):
        request.session[USED_AT] = now
    return ""
