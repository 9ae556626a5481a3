"""Access diagnosis from sign-in: lockouts, refused attempts, sign-in methods and group roles."""

from collections.abc import Iterator

from people.presentation.diagnosis import DiagnosisQuery, Evidence, Finding
from provisioning.diagnosis import live_causes, role_causes, sign_in_causes
from provisioning.diagnosis.data import SignInData

CAUSES = (
    live_causes.unusable_there,
    live_causes.not_in_required_group,
    sign_in_causes.needs_fresh_sign_in,
    sign_in_causes.locked_out,
    sign_in_causes.refused,
    live_causes.could_sign_in,
    sign_in_causes.no_sign_in_method,
    role_causes.only_drafted,
    role_causes.groups_unknown,
    role_causes.no_mapping,
    role_causes.matches_nothing,
    sign_in_causes.no_provisioned_member,
    sign_in_causes.never_signed_in,
    live_causes.not_in_any_directory,
    sign_in_causes.never_tried,
)


def causes(query: DiagnosisQuery) -> Iterator[Finding]:
    data = SignInData(query)
    for attempt in data.attempts:
        through = f"through {attempt.provider}" if attempt.provider else "with a password"
        reason = f": {attempt.reason}" if attempt.reason else ""
        summary = f"Sign-in attempt {through}, {attempt.get_outcome_display()}{reason}"
        yield Evidence(summary, data.log, attempt.at)
    for answer in data.live:
        if answer.problem:
            yield Evidence(f"{answer.provider} could not be asked: {answer.problem}")
        elif answer.standing and answer.standing.person:
            yield Evidence(f"{answer.provider} has the account {answer.standing.account}")
        elif answer.standing is None:
            yield Evidence(f"{answer.provider} has no account with this name or address")
    for cause in CAUSES:
        if diagnosis := cause(data):
            yield diagnosis
