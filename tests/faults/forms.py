"""Every form of an administrator's, sent with nonsense in its fields.

No answer may be a server error, show a traceback or return what was typed as HTML.
"""

import argparse
import random
import re
from typing import Final

import httpx

from tests.faults import nonsense
from tests.faults.cast import Company, furnish
from tests.faults.fuzz import THREADS, Findings, in_parallel
from tests.faults.outcome import Outcome, finish
from tests.faults.routes import address, routes
from tests.faults.stack import Stack, load_django
from tests.faults.visitor import Visitor, signed_in

FIELD: Final = re.compile(r'<(?:input|select|textarea)\b[^>]*\bname="([^"]+)"')
LENGTHS: Final = (10, 300, 70_000)
# Ends what the other forms are about.
LEFT_OUT: Final = (
    "disconnect",
    "settings/close",
    "sign-out",
    "remove",
    "revoke",
    "abandon",
    "end/",
)
Forms = dict[str, list[str]]


def run(stack: Stack, *, forms: int, seed: int = 1) -> Outcome:
    """Send so many forms from several threads, and count what must not happen."""
    company, _ = furnish(stack)
    found = _forms(stack, company)
    findings = Findings()
    share = forms // THREADS
    in_parallel(lambda number: _send(stack, company, found, findings, (seed, number, share)))
    print("answers", dict(sorted(findings.codes.items())), "faults", dict(findings.faults))
    wrong = findings.faults.total()
    size = f"{findings.codes.total():,} forms of {len(found)} pages"
    return Outcome("Fuzzed forms", size, f"{wrong} faults", not wrong)


def _forms(stack: Stack, company: Company) -> Forms:
    """Return the names of the fields by the address of each page that has a form."""
    visitor = signed_in(stack.server.url, company, "owner")
    found: Forms = {}
    for route in sorted(set(routes())):
        if not any(part in route for part in LEFT_OUT):
            page = visitor.get(address(route, company))
            names = set(FIELD.findall(page.text)) - {"csrfmiddlewaretoken"}
            if page.status_code == 200 and names:
                found[address(route, company)] = sorted(names)
    visitor.close()
    return found


def _send(
    stack: Stack, company: Company, forms: Forms, findings: Findings, share: tuple[int, int, int]
) -> None:
    seed, number, count = share
    chance = random.Random(seed * 1000 + number)
    visitor = signed_in(stack.server.url, company, "admin")
    for _ in range(count):
        page = chance.choice(list(forms))
        form = _filled(chance, forms[page], company)
        as_query = chance.random() < 0.25
        try:
            answer = _answer(visitor, page, form, as_query=as_query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            findings.note("no answer", page=page, form=form, error=repr(error))
            continue
        findings.count(str(answer.status_code), answer.elapsed.total_seconds())
        for fault in _faults(answer):
            findings.note(fault, page=page, as_query=as_query, form=form, answer=answer.text[:500])
        if not visitor.is_signed_in:
            visitor.sign_in(company.slug, company.emails["admin"])
    visitor.close()


def _filled(chance: random.Random, names: list[str], company: Company) -> dict[str, str]:
    texts = (*nonsense.TEXTS, *nonsense.TEXTS, *map(str, nonsense.VALUES))
    plausible = (company.objects["people_person"], "1", "on", "2026-12-01", "9" * 21)
    form = {
        name: chance.choice((chance.choice(texts), chance.choice(plausible)))
        for name in names
        if chance.random() < 0.85
    }
    if "action" in form:
        form["action"] = chance.choice(("deactivate_selected", "x", ""))
        form["_selected_action"] = chance.choice((plausible[0], "x", "\u0000", "1"))
    # A lone surrogate cannot be sent in a form.
    return {
        name: text.replace("\ud800", "\ufffd")[: chance.choice(LENGTHS)]
        for name, text in form.items()
    }


def _answer(visitor: Visitor, page: str, form: dict[str, str], *, as_query: bool) -> httpx.Response:
    if as_query:
        return visitor.get(page, params={name: text[:2000] for name, text in form.items()})
    return visitor.post(page, form)


def _faults(answer: httpx.Response) -> list[str]:
    found = {
        "server error": answer.status_code >= 500,
        "traceback": "Traceback (most recent" in answer.text,
        "unescaped": "<script>alert(1)" in answer.text,
    }
    return [name for name, is_so in found.items() if is_so]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.forms", description=__doc__)
    parser.add_argument("--forms", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with Stack() as stack:
        load_django(stack)
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
