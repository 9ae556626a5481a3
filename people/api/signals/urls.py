"""The URLs below the issuer of a company. Another standard than Ramp's own API describes them."""

from django.urls import path

from people.api.signals.metadata import signal_jwks
from people.api.signals.polling import Poll
from people.api.signals.streams import StatusView, StreamView, VerificationView

urlpatterns = [
    path("jwks.json", signal_jwks, name="signal_jwks"),
    path("stream", StreamView.as_view(), name="signal_api_stream"),
    path("status", StatusView.as_view(), name="signal_api_status"),
    path("verify", VerificationView.as_view(), name="signal_api_verify"),
    path("poll/<uuid:stream_id>", Poll.as_view(), name="signal_api_poll"),
]
