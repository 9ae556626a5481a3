"""Can an IT Admin or an Admin rise above themselves, or take the Owner's account?

In each round a new company has an Owner, an Admin and an IT Admin who sign in with passwords.
Everything that the two might try goes to the running product as a browser would send it,
whatever the pages offer. Afterwards the Owner must be as before, with the account in their own
hands, and nobody may have risen.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from urllib.parse import urlsplit

import httpx

from tests.clients.browserless import Visitor
from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.services.db import Connected
from tests.services.process import within

PASSWORD = "correct horse battery 9"
EVIL = "attacker@evil.example"
ATTACKERS = {"admin": "BUSINESS_ADMIN", "it": "IT_ADMIN"}
STANDING = """
    SELECT role, state, email, pending_email, session_epoch FROM people_person WHERE id = %s
"""
OWNERS = """
    SELECT count(*) FROM people_person p JOIN people_tenant t ON t.id = p.tenant_id
     WHERE t.slug = %s AND p.role = 'BUSINESS_OWNER'
"""


@dataclass
class Company:
    """A company whose people are known by a short name, each with their id."""

    stack: Stack
    connected: Connected
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.connected.tenant

    def email(self, name: str) -> str:
        return f"{name}@{self.slug}.example.com"

    def standing(self, name: str) -> tuple[object, ...]:
        return self.stack.rows(STANDING, self.ids[name])[0]


class Intruder(Visitor):
    """Somebody who sends what they like, without looking at the pages first."""

    def __init__(self, company: Company) -> None:
        super().__init__()
        self.base_url = httpx.URL(company.stack.server.url)
        self.company = company

    def sign_in(self, email: str, password: str) -> bool:
        self.cookies.clear()
        page = self.get(f"/sign-in/{self.company.slug}/?form")
        self.fill_in(page, email=email, password=password)
        return "sessionid" in self.cookies

    def force(self, path: str, **data: str) -> int:
        """Post this, and return the status of the answer."""
        headers = {"X-CSRFToken": self.cookies.get("csrftoken") or ""}
        answer = self.post(path, data=data, headers=headers, follow_redirects=False)
        return answer.status_code


def run(stack: Stack, *, rounds: int) -> Outcome:
    """Attack so many companies, and count the attempts and the breaches."""
    attempts, breaches = 0, []
    for number in range(1, rounds + 1):
        company = _open_company(stack)
        before = company.standing("owner")
        for name, role in ATTACKERS.items():
            with Intruder(company) as intruder:
                assert intruder.sign_in(company.email(name), PASSWORD)
                for what, status in _attacks(intruder, name):
                    attempts += 1
                    if status != 403:
                        breaches.append(f"{name} {what}: {status}")
            if company.standing("owner") != before or company.standing(name)[0] != role:
                breaches.append(f"{name}: somebody's rank or account has changed")
        if stack.value(OWNERS, company.slug) != 1:
            breaches.append("there is another Owner")
        attempts += 1
        breaches += _account_is_taken(company)
        print(f"{number}: {attempts} attempts, {len(breaches)} breaches", flush=True)
    print(*breaches, sep="\n", flush=True)
    result = f"{len(breaches)} breaches"
    return Outcome("Rank inside a company", f"{attempts} attempts", result, not breaches)


def _open_company(stack: Stack) -> Company:
    """Open a company, and let its Owner invite the others, who choose their passwords."""
    company = Company(stack, stack.connect())
    company.ids["owner"] = _id_of(stack, company.email("owner"))
    with Intruder(company) as owner:
        assert owner.sign_in(company.email("owner"), "correct horse")
        for name, role in ATTACKERS.items():
            values = {"given_name": name, "family_name": "Lovelace", "email": company.email(name)}
            assert owner.force("/people/add/", **values, role=role) == 302
            company.ids[name] = _id_of(stack, company.email(name))
            _accept(company, name)
    return company


def _id_of(stack: Stack, email: str) -> str:
    return str(stack.value("SELECT id FROM people_person WHERE email = %s", email))


def _accept(company: Company, name: str) -> None:
    link = _mailed(company, company.email(name), "/invite/")
    with Intruder(company) as guest:
        page = guest.get(link)
        guest.fill_in(page, password=PASSWORD, again=PASSWORD)
    within(30, lambda: company.standing(name)[1] == "active")


def _mailed(company: Company, address: str, path: str) -> str:
    """Return the path of the latest link of that kind that was mailed there."""
    links: list[str] = []

    def has_come() -> bool:
        texts = [str(mail.get_body(("plain",))) for mail in company.stack.smtp.to(address)]
        links[:] = [urlsplit(url).path for text in texts for url in re.findall(r"http\S+", text)]
        return any(path in link for link in links)

    within(60, has_come)
    return next(link for link in reversed(links) if path in link)


def _attacks(intruder: Intruder, name: str) -> Iterator[tuple[str, int]]:
    """Try everything, and yield what it was and the status of the answer."""
    company, owner = intruder.company, intruder.company.ids["owner"]
    page = f"/people/{owner}"
    yield "makes themselves Owner", _edit(intruder, name, role="BUSINESS_OWNER")
    if name == "it":
        yield "makes themselves Admin", _edit(intruder, name, role="BUSINESS_ADMIN")
    yield "demotes the Owner", _edit(intruder, "owner", role="BUSINESS_USER")
    yield "takes the address", _edit(intruder, "owner", email=EVIL)
    yield "renames the Owner", _edit(intruder, "owner", given_name="Mallory")
    yield "deactivates", intruder.force(f"{page}/deactivate/")
    yield "reactivates", intruder.force(f"{page}/reactivate/")
    yield "terminates", intruder.force(f"{page}/terminate/", confirmed="yes", name="x")
    yield "sends a confirmation", intruder.force(f"{page}/resend-confirmation/")
    yield "invites again", intruder.force(f"{page}/invite-again/")
    yield "plans the termination", intruder.force(f"{page}/scheduled-termination/plan/")
    bulk = {"action": "deactivate_selected", "confirmed": "yes", "_selected_action": owner}
    yield "deactivates in bulk", intruder.force("/people/", **bulk)
    users = f"/tenants/{company.slug}/internal-users/"
    yield "mails a password link", intruder.force(f"{users}{owner}/mail/")
    new = {"given_name": "Mallory", "family_name": "New", "email": EVIL, "role": "BUSINESS_OWNER"}
    yield "adds an Owner", intruder.force("/people/add/", **new)
    yield "adds an internal Owner", intruder.force(f"{users}add/", **new)
    settings = f"/integrations/scim/{company.connected.connection}/"
    policies = {"incomplete_policy": "refuse", "unknown_manager": "hold", "role_source": "provider"}
    policies |= {"email_link": "adopt", "may_assign_owner": "on"}
    yield "lets SCIM assign Owners", intruder.force(settings, **policies)


def _edit(intruder: Intruder, whom: str, **values: str) -> int:
    company = intruder.company
    row = company.stack.rows(
        "SELECT given_name, family_name, email, role, changed_at FROM people_person WHERE id = %s",
        company.ids[whom],
    )[0]
    names = ("given_name", "family_name", "email", "role")
    form = {name: str(value) for name, value in zip(names, row, strict=False)}
    form["seen"] = row[-1].astimezone(UTC).isoformat()
    return intruder.force(f"/people/{company.ids[whom]}/edit/", **form | values)


def _account_is_taken(company: Company) -> list[str]:
    """Try the rest of a takeover: a link to choose a password, and signing in by it."""
    found = []
    with Intruder(company) as stranger:
        stranger.fill_in(stranger.get("/forgot-password/"), email=EVIL)
        if company.stack.smtp.to(EVIL):
            found.append("the attacker's address was mailed something")
        if not stranger.sign_in(company.email("owner"), "correct horse"):
            found.append("the Owner cannot sign in any more")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.rights", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how many companies")
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, rounds=wanted.rounds))


if __name__ == "__main__":
    main()
