"""SCIM requests made of recorded conversations and broken in their structure.

No answer may be a server error, show a traceback, be anything but SCIM, or take over a second
of a quiet machine's time, and the web processes may not grow.
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final

import httpx

from tests.faults import nonsense
from tests.faults.outcome import Outcome, finish
from tests.faults.provider import PATCH
from tests.faults.stack import Stack
from tests.services.db import Connected
from tests.services.server import ROOT

THREADS: Final = 4
MAX_GROWTH: Final = 50
TRACES: Final = sorted((ROOT / "tests" / "traces").glob("*.jsonl"))
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO")
ODD_PATHS: Final = (
    *("/Users/", "/Users//", "/Users/../Users", "/users", "/Users/%00", "/Users/%ff", "/Me"),
    *("/Groups/x/y", "/Bulk", "/.search", "/Users/.search", "/Schemas/x", "//Users", "/Users?x"),
    *("/%2e%2e/", "/Users/%F0%9F%98%80", "/Users;x=1", f"/Users/{'a' * 3000}"),
)
ODD_HEADERS: Final = {
    "Content-Type": ("application/json", "text/plain", "", "application/scim+json; charset=utf-16"),
    "If-Match": ("*", 'W/"1"', '"x"', "", f"W/{'9' * 100}"),
    "Authorization": ("Bearer", "Bearer ", "Basic eDp5", f"Bearer {'x' * 5000}"),
    "User-Agent": ("x" * 5000, "\xff\xfe", "<script>"),
}


@dataclass
class Findings:
    """What was answered, and what should not have been."""

    codes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    slowest: float = 0
    _lock: Lock = field(default_factory=Lock)

    def count(self, label: str, took: float) -> None:
        with self._lock:
            self.codes[label] += 1
            self.slowest = max(self.slowest, took)

    def note(self, what: str, **facts: Any) -> None:
        """Count a fault, and print the first forty of each kind."""
        with self._lock:
            self.faults[what] += 1
            if self.faults[what] <= 40:
                print(json.dumps({"what": what, **facts}, default=repr), flush=True)


@dataclass
class Request:
    method: str
    path: str
    params: list[tuple[str, str]] | None
    content: bytes | None
    headers: dict[str, str]


class Requests:
    """A sequence of requests that a seed determines."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ids: dict[str, list[str]] = {"Users": [], "Groups": []}
        lines = (json.loads(line) for trace in TRACES for line in trace.read_text().splitlines())
        self.steps = [step for step in lines if "path" in step]

    def next(self) -> Request:
        chance, step = self.chance, self.chance.choice(self.steps)
        path = self._filled(step["path"])
        method, body, params = step["method"], step.get("body"), None
        if body is not None:
            body = json.loads(self._filled(json.dumps(body)))
            for _ in range(chance.choice([0, 1, 1, 2, 4])):
                body = nonsense.broken(chance, body)
        if method == "PATCH" and chance.random() < 0.5:
            operations = [nonsense.patch_operation(chance) for _ in range(chance.choice([0, 1, 3]))]
            body = {"schemas": [PATCH], "Operations": operations}
        if method == "GET" or chance.random() < 0.04:
            params = nonsense.query(chance) or None
            path = path.partition("?")[0] if params else path
        if chance.random() < 0.06:
            method = chance.choice(METHODS)
        if chance.random() < 0.05:
            path = chance.choice(ODD_PATHS)
        return Request(method, f"/scim/v2{path}", params, self._content(body), self._headers())

    def learn(self, document: dict[str, Any]) -> None:
        """Remember what was created, so that later requests are about it."""
        kept = self.ids["Groups" if "Group" in str(document.get("schemas")) else "Users"]
        kept.append(str(document.get("id")))
        del kept[:-200]

    def _filled(self, text: str) -> str:
        text = text.replace("{{run}}", f"f{self.chance.randrange(400)}")
        known = [*self.ids["Users"], *self.ids["Groups"]] or ["x"]
        return re.sub(r"\{\{[^}]*\}\}", lambda _: self.chance.choice(known), text)

    def _content(self, body: Any) -> bytes | None:
        if body is None:
            return None
        is_text = isinstance(body, str)
        content = body.encode("utf-8", "surrogatepass") if is_text else json.dumps(body).encode()
        return (
            content if self.chance.random() > 0.08 else nonsense.broken_bytes(self.chance, content)
        )

    def _headers(self) -> dict[str, str]:
        return {
            name: self.chance.choice(values)
            for name, values in ODD_HEADERS.items()
            if self.chance.random() < 0.03
        }


def run(stack: Stack, *, requests: int, seed: int = 1, seconds: float = 1) -> Outcome:
    """Send so many requests from several threads, and count what must not happen.

    :param seconds: an answer that takes longer is a fault.
    """
    connected = stack.connect(provider="generic")
    findings = Findings()
    before = _memory(stack)
    share = requests // THREADS
    in_parallel(lambda number: _send(connected, findings, seed * 1000 + number, share, seconds))
    growth = max(_memory(stack)) - max(before)
    print("answers", dict(sorted(findings.codes.items())), "faults", dict(findings.faults))
    wrong = findings.faults.total()
    result = f"{wrong} faults; slowest {findings.slowest:.1f} s; web processes grew {growth} MiB"
    size = f"{findings.codes.total():,} requests"
    return Outcome("Fuzzed SCIM requests", size, result, not wrong and growth < MAX_GROWTH)


def in_parallel(work: Callable[[int], None]) -> None:
    threads = [Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(connected: Connected, findings: Findings, seed: int, count: int, seconds: float) -> None:
    requests = Requests(seed)
    headers = {
        "Authorization": f"Bearer {connected.token}",
        "Content-Type": "application/scim+json",
    }
    root = connected.base.removesuffix("/scim/v2")
    with httpx.Client(base_url=root, headers=headers, timeout=65, trust_env=False) as client:
        for _ in range(count):
            request = requests.next()
            began = time.monotonic()
            try:
                answer = _answer(client, request)
            except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
                continue  # The client refuses to send it.
            except httpx.HTTPError as error:
                findings.note("no answer", request=vars(request), seed=seed, error=repr(error))
                continue
            took = time.monotonic() - began
            findings.count(f"{request.method} {answer.status_code}", took)
            for fault in _faults(answer, request, took > seconds):
                result = answer.text[:500]
                findings.note(fault, request=vars(request), seed=seed, answer=result, took=took)
            if answer.status_code == 201 and answer.content:
                requests.learn(answer.json())


def _answer(client: httpx.Client, request: Request) -> httpx.Response:
    headers = {name: value.encode("latin1") for name, value in request.headers.items()}
    return client.request(
        request.method,
        request.path,
        params=tuple(request.params) if request.params else None,
        content=request.content,
        headers=headers,  # type: ignore[arg-type]  # httpx takes bytes as values too
    )


def _faults(answer: httpx.Response, request: Request, is_slow: bool) -> list[str]:
    # RFC 7644 section 3.11: 501 where /Me is not supported.
    is_error = answer.status_code >= 500 and answer.status_code != 501
    found = {
        "server error": is_error,
        "traceback": "Traceback" in answer.text,
        "slow": is_slow,
        "not SCIM": not _is_scim(answer, request),
    }
    return [name for name, is_so in found.items() if is_so]


def _is_scim(answer: httpx.Response, request: Request) -> bool:
    if request.method == "HEAD" or answer.status_code in (204, 304):
        return True
    if not answer.request.url.path.startswith("/scim/v2"):
        return True
    try:
        document = answer.json()
        is_scim = "application/scim+json" in answer.headers["Content-Type"] and document["schemas"]
        if answer.status_code >= 400:
            is_scim = (
                is_scim and document["status"] == str(answer.status_code) and document["detail"]
            )
    except (ValueError, KeyError, TypeError):
        return False
    return bool(is_scim)


def _memory(stack: Stack) -> list[int]:
    """Return what each web process holds in memory, in MiB."""
    web = stack.children_of("web")
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in web]
    sizes = (re.search(r"VmRSS:\s+(\d+)", text) for text in texts)
    return [int(size.group(1)) // 1024 for size in sizes if size]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1, help="the slowest allowed answer")
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
