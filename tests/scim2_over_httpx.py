"""scim2-client sending its requests by httpx: its own engine wants a fork of it."""

from typing import Any

import httpx
from scim2_client import BaseSyncSCIMClient


class ScimClient(BaseSyncSCIMClient):
    def __init__(self, base: str, token: str) -> None:
        super().__init__()
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=base, headers=headers, timeout=30)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self.http.request(method, url, **options)

    def close(self) -> None:
        self.http.close()
