"""A browser without JavaScript, as somebody signed in or as a program with a token."""

import re
from typing import Any, Final

import httpx

from tests.faults.cast import PASSWORD, Company

TOKEN_FIELD: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    """Keeps cookies, follows no redirects, and sends the CSRF token with every change."""

    def __init__(self, url: str, **headers: str) -> None:
        # Without the proxies of the environment.
        self.http = httpx.Client(base_url=url, timeout=60, headers=headers, trust_env=False)

    def request(
        self, method: str, path: str, data: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        """Send one request.

        :raises httpx.HTTPError: if no answer comes.
        """
        headers = dict(options.pop("headers", {}))
        if method not in ("GET", "HEAD") and "csrftoken" in self.http.cookies:
            headers.setdefault("X-CSRFToken", self.http.cookies["csrftoken"])
        return self.http.request(method, path, data=data, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, data or {}, **options)

    def sign_in(self, slug: str, email: str, password: str = PASSWORD) -> httpx.Response:
        """Fill in the company's sign-in form."""
        address = f"/sign-in/{slug}/?form"
        self.get(address)
        return self.post(address, {"email": email, "username": email, "password": password})

    def close(self) -> None:
        self.http.close()

    @property
    def is_signed_in(self) -> bool:
        return "sessionid" in self.http.cookies


def signed_in(url: str, company: Company, role: str) -> Visitor:
    """Return a visitor who has signed in as the one person of the cast in that role."""
    visitor = Visitor(url)
    answer = visitor.sign_in(company.slug, company.emails[role])
    assert visitor.is_signed_in, f"{role} cannot sign in: {answer.status_code}"
    return visitor


def with_token(url: str, token: str) -> Visitor:
    """Return a program that sends the SCIM or API token."""
    return Visitor(url, Authorization=f"Bearer {token}")
