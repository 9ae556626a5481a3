"""Open redirects, poisoned hosts, trusted headers, session fixation and forged forms."""

import argparse
import re
from typing import Final

import httpx

from tests.faults.cast import PASSWORD, Company, furnish
from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.faults.visitor import Visitor, signed_in

# Where somebody would like to have visitors sent after they sign in or out.
ELSEWHERE: Final = (
    *(
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\/evil.example",
    ),
    *("\\\\evil.example", "https://evil.example", "http:evil.example", "https:/evil.example"),
    *("https:///evil.example", "//evil.example@HOST", "https://HOST@evil.example"),
    *("https://HOST.evil.example", "//evil.example%2f@HOST", "javascript:alert(1)"),
    *("JaVaScRiPt:alert(1)", "data:text/html,x", "\tjavascript:alert(1)", " //evil.example"),
    *("\t//evil.example", "/\t/evil.example", "/%09/evil.example", "/%2f/evil.example"),
    *("/%5cevil.example", "%2f%2fevil.example", "/..//evil.example", "/.//evil.example"),
    *("///\\evil.example", "/\x00/evil.example", "//evil%E3%80%82example", "//evil。example"),
    *("https://evil.example#HOST", "https://evil.example?HOST", "https://evil.example\\@HOST"),
    *("//[::1]", "//127.0.0.1:9", "ftp://evil.example", "ws://evil.example"),
    *("/people/\r\nSet-Cookie: a=b", "/\r\nLocation: https://evil.example", "?next=//evil.example"),
    *(".evil.example", "@evil.example", ":80", "/@evil.example", "//", "///", "https://"),
    *("//HOST//evil.example", "/people/../..//evil.example", "/%2e%2e//evil.example"),
    *("\u2044\u2044evil.example", "/\uff0fevil.example", "\uff0f\uff0fevil.example"),
)
HOSTS: Final = ("evil.example", "HOST:80@evil.example", "HOST.evil.example", "evil.example:443")
TRUSTED: Final = (
    *("X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-URL", "X-Rewrite-URL"),
    *("Forwarded", "X-Remote-User", "Remote-User", "Remote_User", "X-Forwarded-User"),
)
FORMS: Final = (
    *("/people/{report}/deactivate/", "/people/{report}/edit/", "/people/add/", "/api-tokens/"),
    *("/sign-out/", "/tenants/{slug}/settings/", "/tenants/{slug}/settings/close/"),
)
FORGED: Final[tuple[dict[str, str], ...]] = (
    {},
    {"Referer": "https://evil.example/"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)


def run(stack: Stack, *, most: int | None = None) -> Outcome:
    """Try all of it, or only the first of each list; print what is wrong."""
    company, _ = furnish(stack)
    tried = {
        "redirects": _led_elsewhere(stack, company, ELSEWHERE[:most]),
        "headers": _poisoned(stack, company),
        "fixation": _fixed_session(stack, company),
        "forged forms": _forged(stack, company),
    }
    for name, faults in tried.items():
        print(name, faults or "hold", flush=True)
    wrong = sum(map(len, tried.values()))
    headers = len(HOSTS) * len(TRUSTED)
    size = f"{len(ELSEWHERE[:most])} targets x 3, {headers} headers, {len(FORMS)} forms"
    return Outcome("Redirects, hosts, sessions, forgery", size, f"{wrong} faults", not wrong)


def _led_elsewhere(stack: Stack, company: Company, targets: tuple[str, ...]) -> list[str]:
    """Return the targets that signing in, being signed in or signing out leads to."""
    host, found = stack.server.url.removeprefix("http://"), []
    email = company.emails["employee"]
    for target in (target.replace("HOST", host) for target in targets):
        visitor = Visitor(stack.server.url)
        address, query = f"/sign-in/{company.slug}/", {"form": "", "next": target}
        visitor.get(address, params=query)
        form = {"email": email, "username": email, "password": PASSWORD}
        answers = (
            visitor.post(address, form, params=query),
            visitor.get(address, params={"next": target}),
            visitor.post("/sign-out/", {"next": target}, params={"next": target}),
        )
        found += [repr(target) for answer in answers if not _stays(answer, stack.server.url)]
        visitor.close()
    return found


def _stays(answer: httpx.Response, url: str) -> bool:
    where = answer.headers.get("Location", "/").removeprefix(url)
    return answer.status_code < 500 and bool(re.match(r"/(?![/\\])", where))


def _poisoned(stack: Stack, company: Company) -> list[str]:
    """Return the headers that are believed: about the host of links, or about who visits."""
    found = []
    for host in HOSTS:
        for name in TRUSTED:
            value = company.emails["owner"] if "User" in name else "evil.example"
            visitor = Visitor(stack.server.url, **{name: value, "Host": host})
            page, people = visitor.get("/forgot-password/"), visitor.get("/people/")
            if page.status_code >= 500 or people.status_code == 200 or "evil" in page.text:
                found.append(f"{host} {name}")
            visitor.close()
    links = {
        link
        for mail in stack.smtp.received
        for link in re.findall(r"https?://[^/\s\"'<>]+", str(mail.message))
    }
    return found + [link for link in links if link != stack.server.url]


def _fixed_session(stack: Stack, company: Company) -> list[str]:
    """Return what is wrong with the session's key: set from outside, kept, or still good."""
    found, key = [], "fixated0000000000000000000000000"
    visitor = Visitor(stack.server.url)
    visitor.http.cookies["sessionid"] = key
    visitor.sign_in(company.slug, company.emails["employee"])
    keys = [cookie.value for cookie in visitor.http.cookies.jar if cookie.name == "sessionid"]
    if keys == [key]:
        found.append("a session's key can be chosen by somebody else")
    stolen = Visitor(stack.server.url)
    stolen.http.cookies["sessionid"] = keys[-1] or ""
    visitor.post("/sign-out/")
    if stolen.get("/home/").status_code == 200:
        found.append("a session goes on after signing out")
    visitor.close()
    stolen.close()
    return found


def _forged(stack: Stack, company: Company) -> list[str]:
    """Return the forms that are accepted without a CSRF token, or from another site."""
    visitor, found = signed_in(stack.server.url, company, "admin"), []
    for form in FORMS:
        path = form.format(slug=company.slug, **company.people)
        for headers in FORGED:
            answer = visitor.http.post(path, data={"x": "y"}, headers=headers)
            if answer.status_code != 403:
                found.append(f"{path} {headers} {answer.status_code}")
    visitor.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.hygiene", description=__doc__)
    parser.parse_args()
    with Stack() as stack:
        finish(run(stack))


if __name__ == "__main__":
    main()
