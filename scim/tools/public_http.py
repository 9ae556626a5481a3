"""Send requests to Ramp's own public address over the network, as an identity provider would.

No other address is ever called: redirects are not followed, and proxy settings are ignored.
"""

import http.client
import json
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from scim.rfc.serialize import json_bytes
from scim.rfc.strict_json import Json

# A response should take less than a second.
SECONDS = 5
MAX_ANSWER_LENGTH = 1024 * 1024


class Unreachable(Exception):
    """The public address cannot be reached. The message is for an administrator."""


@dataclass(frozen=True)
class Answer:
    status: int
    media_type: str
    body: bytes

    @property
    def is_scim(self) -> bool:
        """Tell whether a SCIM server answered; the response to DELETE has no media type.

        A client that accepts only `application/json` is answered with that type.
        """
        if self.media_type.startswith("application/json"):
            return "schemas" in self.document
        return self.status == 204 or self.media_type.startswith("application/scim+json")

    @property
    def document(self) -> Json:
        """Return the body as a JSON object, empty if it is not one."""
        try:
            read: Any = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}


def send(method: str, path: str, *, body: Json | None, headers: dict[str, str]) -> Answer:
    """Send a SCIM request to PUBLIC_BASE_URL, and return the answer.

    :raises Unreachable: if there is no answer.
    """
    address = urlsplit(settings.PUBLIC_BASE_URL)
    connection: http.client.HTTPConnection
    try:
        if address.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                address.netloc, timeout=SECONDS, context=context
            )
        else:
            connection = http.client.HTTPConnection(address.netloc, timeout=SECONDS)
        with closing(connection):
            payload = None if body is None else json_bytes(body)
            url = f"{address.path}/scim/v2{path}"
            connection.request(method, url, body=payload, headers=headers)
            answer = connection.getresponse()
            media_type = answer.headers.get("Content-Type", "")
            # The address may lead to any server, whose answer may be endless.
            return Answer(answer.status, media_type, answer.read(MAX_ANSWER_LENGTH))
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"{_reason(error)} PUBLIC_BASE_URL is {settings.PUBLIC_BASE_URL}."
        ) from error


def _reason(error: Exception) -> str:
    """Return the cause of the error, and what to check."""
    host = urlsplit(settings.PUBLIC_BASE_URL).netloc
    match error:
        case socket.gaierror():
            message = "The name {host} cannot be resolved. Check its DNS entry."
        case ConnectionRefusedError():
            message = (
                "{host} refused the connection. Check that the web server is running, and its port."
            )
        case TimeoutError():
            message = (
                f"{{host}} did not answer within {SECONDS} seconds. Check the firewalls between "
                "them."
            )
        case ssl.SSLCertVerificationError():
            message = f"The certificate of {{host}} is not valid: {error.verify_message}."
        case ssl.SSLError():
            message = "The TLS handshake with {host} failed. Check that the address uses https."
        case http.client.HTTPException() | ConnectionError():
            message = "{host} closed the connection or does not speak HTTP."
        case _:
            message = f"{{host}} cannot be reached: {error}."
    return message.replace("{host}", host)
