"""Texts that are code somewhere, in everything that a provider, a person or a browser can send.

Every page that an owner can open, the export and the mails are read afterwards; no text may
have become HTML, a script, a template or a formula of a spreadsheet.
"""

import argparse
import csv
import io
import re
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from tests.faults.cast import Company, furnish
from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ENTERPRISE, USER
from tests.faults.provider import replace as replace_value
from tests.faults.routes import NOBODY, address, names_rows, routes
from tests.faults.stack import Stack, load_django
from tests.faults.visitor import Visitor, signed_in, with_token
from tests.services.process import within

PAYLOADS: Final = {
    "tag": "<img src=x onerror=RUN()>",
    "quote": '" onmouseover=RUN() x="',
    "apostrophe": "' onfocus=RUN() autofocus x='",
    "script": "</script><script>RUN()</script>",
    "template": "{{ 7777*7777 }}${7777*7777}{% now 'Y' %}RUN",
    "url": "javascript:RUN()",
    "formula": '=HYPERLINK("http://evil.example/RUN")',
    "at": "@SUM(1)RUN",
    "dash": "-2+3RUN",
    "comment": "--><svg onload=RUN()>",
    "backtick": "`RUN`${alert}",
    "direction": "\u202eRUN\u202c",
    "percent": "%3Cscript%3ERUN%3C/script%3E",
}
# Nothing in `LIVE` would show them on a page. They are for the export, the mails and the lists.
NOT_FOR_PAGES: Final = {"formula", "at", "dash", "backtick", "direction"}
# How a payload looks where it is not text any more.
LIVE: Final = (
    *("<img src=x onerror=RUN", "<script>RUN", "<svg onload=RUN", r"60481729\D{0,3}RUN"),
    *('(?<!&quot;)" onmouseover=RUN', "(?<!&#x27;)' onfocus=RUN"),
    r'(?:href|src|action|formaction)="\s*javascript:RUN',
)
FORMULA: Final = tuple("=+-@\t\r\n")
UNSENT: Final = (
    "SELECT count(*) FROM people_mail"
    " WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= now()"
)


def run(stack: Stack) -> Outcome:
    """Send the payloads everywhere, and read everything that may show them."""
    company, _ = furnish(stack)
    mark = f"zx{uuid4().hex[:6]}"
    texts = {
        name: payload.replace("RUN", "others" if name in NOT_FOR_PAGES else mark)
        for name, payload in PAYLOADS.items()
    }
    _send_by_scim(stack, company, mark, texts)
    _send_by_hand(stack, company, texts)
    owner = signed_in(stack.server.url, company, "owner")
    live = re.compile("|".join(LIVE).replace("RUN", mark), re.IGNORECASE)
    read, faults = 0, []
    for path in _pages(stack, company, mark):
        page = owner.get(path)
        read += mark in page.text
        is_html = "html" in page.headers.get("Content-Type", "")
        if page.status_code >= 500 or (is_html and live.search(page.text)):
            faults.append(f"{path} {page.status_code}")
    faults += _formulas(owner)
    faults += _mails(stack, live)
    owner.close()
    print(*faults, sep="\n")
    size = f"{len(PAYLOADS)} texts, {read} pages that show one"
    holds = not faults and read > len(PAYLOADS)
    return Outcome("Injected texts", size, f"{len(faults)} faults", holds)


def _send_by_scim(stack: Stack, company: Company, mark: str, texts: dict[str, str]) -> None:
    """Have people created and refused, groups created, and requests logged, with each text."""
    scim = with_token(stack.server.url, company.scim_token)
    scim.http.headers["Content-Type"] = "application/scim+json"
    for name, text in texts.items():
        kind = "others" if name in NOT_FOR_PAGES else mark
        person = _person(text, f"{name}.{kind}@acme.example")
        refused = _person(text, company.emails["owner"]) | {"userName": f"{text}@refused"}
        # Nothing but Latin-1 can be in a header.
        scim.http.headers["User-Agent"] = text.encode("latin1", "ignore").decode("latin1")
        created = scim.http.post("/scim/v2/Users", json=person)
        if name == "direction":  # Nobody may be called that: direction marks imitate other names.
            assert created.status_code == 400, created.text
            continue
        assert created.status_code == 201, created.text
        scim.http.post("/scim/v2/Users", json=refused)
        role = replace_value("roles", [{"value": text}])
        scim.http.patch(f"/scim/v2/Users/{created.json()['id']}", json={"Operations": [role]})
        scim.http.get("/scim/v2/Users", params={"filter": f"{text} eq 1"})
        group = {"displayName": text, "externalId": text, "members": [{"value": NOBODY}]}
        scim.http.post("/scim/v2/Groups", json=group)
    scim.close()


def _person(text: str, email: str) -> dict[str, Any]:
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": f"{text}@user",
        "externalId": text,
        "name": {"givenName": f"A{text}", "familyName": f"B{text}"},
        "displayName": text,
        "title": text,
        "emails": [{"value": email, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": text}],
        "active": True,
        ENTERPRISE: {"department": text, "manager": {"value": f"{text}boss"}},
    }


def _send_by_hand(stack: Stack, company: Company, texts: dict[str, str]) -> None:
    """Type the texts where an owner names things, and where a stranger signs in."""
    owner, stranger = signed_in(stack.server.url, company, "owner"), Visitor(stack.server.url)
    for text in (full[:90] for full in texts.values()):
        for path in ("/people/departments/add/", "/people/roles/add/", "/api-tokens/"):
            owner.post(path, {"name": text, "scopes": "people:read", "days": "90"})
        stranger.sign_in(company.slug, text, "wrong")
    owner.close()
    stranger.close()


def _pages(stack: Stack, company: Company, mark: str) -> list[str]:
    """Return every page, for each row that holds a text where its address names a row."""
    scripted = f"<script>{mark}()</script>"
    found = [
        f"{path}?q={scripted}" for path in ("/people/", "/people/why/", "/people/updates/invites/")
    ]
    rows = {
        "people_person": ("SELECT id FROM people_person WHERE email LIKE %s", f"%.{mark}@%"),
        "people_department": ("SELECT id FROM people_department WHERE name LIKE %s", f"%{mark}%"),
        "scim_requestlog": ("SELECT id FROM scim_requestlog WHERE body LIKE %s", f"%{mark}%"),
        "scim_syncerror": ("SELECT id FROM scim_syncerror WHERE user_name LIKE %s", f"%{mark}%"),
        "scim_scimgroup": (
            "SELECT id FROM scim_scimgroup WHERE scim_display_name LIKE %s",
            f"%{mark}%",
        ),
    }
    for route in sorted(set(routes())):
        found.append(address(route, company))
        if names_rows(route):
            found += [
                address(route, replace(company, objects=company.objects | {table: str(key)}))
                for table, (sql, like) in rows.items()
                for (key,) in stack.rows(sql, like)
            ]
    return [path for path in dict.fromkeys(found) if not path.startswith(("/scim/", "/sign-out"))]


def _formulas(owner: Visitor) -> list[str]:
    """Return the cells of the export that a spreadsheet would take for a formula."""
    text = owner.get("/people/export/").text.lstrip("\ufeff")
    cells = (cell for row in csv.reader(io.StringIO(text)) for cell in row)
    return [f"export: {cell!r}" for cell in cells if cell.startswith(FORMULA)]


def _mails(stack: Stack, live: re.Pattern[str]) -> list[str]:
    """Look at all mails, once each is sent."""
    within(60, lambda: stack.rows(UNSENT) == [(0,)])
    assert stack.smtp.received
    found = []
    for mail in stack.smtp.received:
        page = mail.message.get_body(("html",))
        if "Bcc" in mail.message or (page and live.search(page.get_content())):
            found.append(f"mail to {mail.to}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.injection", description=__doc__)
    parser.parse_args()
    with Stack() as stack:
        load_django(stack)
        finish(run(stack))


if __name__ == "__main__":
    main()
