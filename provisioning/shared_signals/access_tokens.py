"""The access token for the stream management of a transmitter.

An administrator enters either a token that does not expire, or a client for which the transmitter's
token endpoint issues tokens (client credentials, RFC 6749 section 4.4). Ramp renews an issued token
a minute before it expires, and when the transmitter refuses it.
"""

import base64
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus

from django.core.cache import cache

from people import secrets
from people.net import safe_http
from people.net.safe_http import OutboundError
from people.secrets import SecretLost
from people.tokens import token_digest
from provisioning.models import TransmitterStream
from provisioning.providers.signal_secrets import token_of

FIELD: Final = "signal-access-token"
# Ramp renews a token this long before it expires. It keeps a token without an expiry for
# USUAL_SECONDS, and no token for longer than LONGEST_SECONDS.
LEEWAY_SECONDS: Final = 60
USUAL_SECONDS: Final = 300
LONGEST_SECONDS: Final = 24 * 3600


@dataclass(frozen=True)
class StreamCredentials:
    """Gives the requests to a transmitter their access token."""

    stream: TransmitterStream

    @property
    def can_renew(self) -> bool:
        return bool(self.stream.token_url)

    def token(self, *, is_refused: bool = False) -> str:
        """Return the token; blank if there is none.

        :param is_refused: whether the transmitter has refused the last one.
        :raises OutboundError: if the token endpoint issues none.
        :raises SecretLost: as `token_of`.
        """
        if not self.can_renew:
            return token_of(self.stream)
        kept = None if is_refused else self._cached_token()
        return kept or self._issue()

    def _cached_token(self) -> str | None:
        sealed = cache.get(self._cache_key())
        try:
            tenant_id = self.stream.tenant_id
            return sealed and secrets.opened(sealed, tenant_id=tenant_id, field=FIELD)
        except SecretLost:
            # The key is gone. A new token is requested.
            return None

    def _issue(self) -> str:
        stream, form = self.stream, {"grant_type": "client_credentials"}
        if stream.scope:
            form["scope"] = stream.scope
        # RFC 6749 section 2.3.1: both are encoded like a form, then joined.
        client = f"{quote_plus(stream.client_id)}:{quote_plus(token_of(stream))}"
        basic = base64.b64encode(client.encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        answer = safe_http.fetch(stream.token_url, method="POST", form=form, headers=headers)
        document = answer.json() if answer.status in (200, 400, 401) else None
        body = document if isinstance(document, dict) else {}
        token = body.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token:
            code = body.get("error")
            reason = code[:100] if isinstance(code, str) else f"status {answer.status}"
            raise OutboundError(
                "token-refused",
                f"{stream.token_url} issued no access token: {reason}. Check the client ID and the "
                "secret.",
            )
        expires_in, seconds = body.get("expires_in"), USUAL_SECONDS
        if isinstance(expires_in, int) and not isinstance(expires_in, bool):
            # 0 keeps the token for the present request only.
            seconds = max(min(expires_in, LONGEST_SECONDS) - LEEWAY_SECONDS, 0)
        sealed = secrets.sealed(token, tenant_id=stream.tenant_id, field=FIELD)
        cache.set(self._cache_key(), sealed, seconds)
        return token

    def _cache_key(self) -> str:
        """Return the key in the cache. A changed client or secret gets another key."""
        client = (self.stream.token_url, self.stream.client_id, self.stream.scope)
        entered = (str(self.stream.pk), *client, self.stream.token)
        return f"ssf-access-token:{token_digest(' '.join(entered))}"
