"""The documentation is complete and names only what exists."""

import re
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from django.utils import timezone

from people.api.urls import VIEWS
from people.models import Event, Scope
from people.operations.ranks import RankRefused
from people.operations.signals.event_types import SignalType
from people.operations.webhooks.messages import new_secret, signed_headers
from people.values import PeopleError
from provisioning.sign_in.decide import Refusal

ROOT = Path(__file__).resolve().parent.parent
ERRORS = (ROOT / "docs" / "errors.md").read_text()
EXPLAINED = set(re.findall(r"^### `(.+)`$", ERRORS, re.MULTILINE))


Refusing = type[PeopleError] | type[RankRefused]


def refusals() -> list[Refusing]:
    for app in ("people", "scim", "provisioning"):
        for module in walk_packages(import_module(app).__path__, f"{app}."):
            if ".management" not in module.name:
                import_module(module.name)
    errors: list[Refusing] = [*_below(PeopleError), *_below(RankRefused)]
    return sorted(errors, key=lambda error: error.code)


def _below(error: Any) -> Iterator[Any]:
    for kind in error.__subclasses__():
        yield from _below(kind)
        # Errors that tests define need no documentation.
        if hasattr(kind, "code") and not kind.__module__.startswith("tests."):
            yield kind


@pytest.mark.parametrize("error", refusals(), ids=lambda error: error.code)
def test_errors_page_explains_each_refusal(error: Refusing) -> None:
    assert error.code in EXPLAINED


@pytest.mark.parametrize("error", refusals(), ids=lambda error: error.code)
def test_errors_page_quotes_the_message_of_each_refusal(error: Refusing) -> None:
    [text] = re.findall(rf"^### `{error.code}`$(.*?)(?=^#|\Z)", ERRORS, re.MULTILINE | re.DOTALL)
    assert "*What to do:*" in text
    if not signature(error).parameters:
        assert f"“{error()}”" in text


def test_errors_page_has_only_existing_codes() -> None:
    assert {error.code for error in refusals()} == EXPLAINED


def test_each_refusal_has_its_own_code() -> None:
    codes = [error.code for error in refusals()]
    assert len(codes) == len(set(codes))


CONFORMANCE = (ROOT / "docs" / "scim-conformance.md").read_text()
REQUIREMENTS = re.findall(r"^\| ([\d.]+) \| (.+) \| `(tests/.+)` \|$", CONFORMANCE, re.MULTILINE)


def named_tests() -> list[str]:
    others = ("provisioned-members.md", "standards.md")
    tables = CONFORMANCE + "".join((ROOT / "docs" / name).read_text() for name in others)
    return sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", tables)))


@pytest.mark.parametrize("test", named_tests())
def test_named_test_exists(test: str) -> None:
    file, _, name = test.partition("::")

    assert f"def {name}(" in (ROOT / file).read_text()


def test_each_requirement_of_the_rfcs_has_a_test() -> None:
    """RFC 7644 section 3 and RFC 7643 sections 2 to 7."""
    sections = {section.partition(".")[0] for section, _, _ in REQUIREMENTS}

    assert len(REQUIREMENTS) >= 120
    assert sections == {"2", "3", "4", "5", "6", "7"}
    assert {test for _, _, test in REQUIREMENTS} <= set(named_tests())


API = (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("address", VIEWS)
def test_api_page_describes_each_endpoint(address: str) -> None:
    described = re.findall(r"`[A-Z]+ /([^`]+)`", API)

    assert re.sub("<.+?>", "{id}", address) in described


@pytest.mark.parametrize("scope", Scope)
def test_api_page_describes_each_scope(scope: Scope) -> None:
    assert f"| `{scope}` |" in API


SIGNALS = (ROOT / "docs" / "signal-streams.md").read_text()


def test_signal_streams_page_lists_each_security_event() -> None:
    table = re.findall(r"^\| `((?:https|urn):\S+)` \|", SIGNALS, re.MULTILINE)

    assert sorted(table) == sorted(SignalType.values)


SIGN_IN = (ROOT / "docs" / "sign-in.md").read_text()


@pytest.mark.parametrize("refusal", Refusal)
def test_sign_in_page_explains_each_refusal(refusal: Refusal) -> None:
    assert f"`{refusal}`" in SIGN_IN


WEBHOOKS = (ROOT / "docs" / "webhooks.md").read_text()


def test_webhooks_page_lists_each_kind_of_event() -> None:
    table = re.findall(r"^\| `([a-z.-]+)` \| (.+) \|$", WEBHOOKS, re.MULTILINE)

    assert table == [(kind.value, kind.label) for kind in Event.Kind]


@pytest.mark.parametrize(
    "example", re.findall(r"^```python\n(.*?)^```", WEBHOOKS, re.MULTILINE | re.DOTALL)
)
def test_example_verifies_a_webhook(example: str) -> None:
    named: dict[str, Any] = {}
    exec(example, named)  # noqa: S102  our own documentation
    secret, body = new_secret(), '{"type":"webhook.test"}'
    headers = signed_headers("msg_1", body, [new_secret(), secret], now=timezone.now())

    assert named["verified"](secret, headers, body.encode()) == {"type": "webhook.test"}
    with pytest.raises(Exception, match=r"signature"):
        named["verified"](secret, headers, b"{}")
    late = signed_headers("msg_1", body, [secret], now=timezone.now() - timedelta(minutes=6))
    with pytest.raises(Exception, match=r"too old"):
        named["verified"](secret, late, body.encode())
