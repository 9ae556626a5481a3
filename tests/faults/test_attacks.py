"""The attacks of `make faults`, at a small size."""

from tests.faults import forms, fuzz, hygiene, injection, races, secrets_found
from tests.faults.stack import Stack


def test_broken_scim_requests_never_cause_a_server_error(stack: Stack) -> None:
    outcome = fuzz.run(stack, requests=600, seconds=20)

    assert outcome.holds, outcome


def test_nonsense_in_forms_never_causes_a_server_error(stack: Stack) -> None:
    outcome = forms.run(stack, forms=120)

    assert outcome.holds, outcome


def test_redirects_hosts_sessions_and_forms_cannot_be_abused(stack: Stack) -> None:
    outcome = hygiene.run(stack, most=6)

    assert outcome.holds, outcome


def test_texts_from_outside_never_become_code(stack: Stack) -> None:
    outcome = injection.run(stack)

    assert outcome.holds, outcome


def test_requests_at_the_same_moment_break_no_rule(stack: Stack) -> None:
    outcome = races.run(stack, names=2, rings=4, pairs=4)

    assert outcome.holds, outcome


def test_planted_secrets_are_found_nowhere(stack: Stack) -> None:
    outcome = secrets_found.run(stack)

    assert outcome.holds, outcome
