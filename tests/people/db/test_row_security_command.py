"""The command row_security …"""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from people.db import app_role, row_policies
from ramp import checks

ROLE = "ramp_commanded"


@pytest.fixture
def role(db: None) -> str:
    query(f"CREATE ROLE {ROLE}")
    return ROLE


def query(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def status(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("row_security", *arguments, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.mark.django_db
def test_limits_a_role_until_it_is_turned_off(role: str) -> None:
    assert status()["is_on"] is False

    on = status("--role", role)

    assert (on["is_on"], on["roles"], on["missing_policies"]) == (True, [role], [])
    # Nothing is limited twice, and a lost policy is noticed and replaced.
    assert row_policies.create() == 0
    query("DROP POLICY ramp_tenant ON people_card")
    assert status()["missing_policies"] == ["people_card"]
    app_role.renew()
    assert status()["missing_policies"] == []
    assert status("--off")["is_on"] is False


@pytest.mark.django_db
def test_the_owner_of_the_tables_is_refused_while_it_is_on(role: str) -> None:
    query("CREATE ROLE ramp_owning")
    query("GRANT postgres TO ramp_owning")
    query("SET LOCAL ROLE ramp_owning")
    assert checks.role_is_limited() == []

    status("--role", role)

    assert [found.id for found in checks.role_is_limited()] == ["ramp.E013"]
    query(f"SET LOCAL ROLE {role}")
    assert checks.role_is_limited() == []


@pytest.mark.django_db
@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_that_sees_all_companies_is_refused_unless_told_otherwise(
    role: str, attribute: str, settings: Settings
) -> None:
    query(f"ALTER ROLE {role} {attribute}")
    query(f"SET LOCAL ROLE {role}")

    [refused] = checks.role_is_limited()

    assert refused.id == "ramp.E015"
    assert "DATABASE_ROLE_MAY_BYPASS=true" in str(refused.hint)
    settings.DATABASE_ROLE_MAY_BYPASS = True
    assert checks.role_is_limited() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("attribute", "reason"), [("SUPERUSER", "is a superuser"), ("BYPASSRLS", "has BYPASSRLS")]
)
def test_refuses_a_role_that_bypasses_it(role: str, attribute: str, reason: str) -> None:
    query(f"ALTER ROLE {role} {attribute}")

    with pytest.raises(CommandError, match=f"{reason}, so no policy would limit it"):
        status("--role", role)

    assert status()["is_on"] is False


@pytest.mark.django_db
def test_pooled_transactions_are_refused_while_it_is_on(role: str, settings: Settings) -> None:
    settings.BEHIND_PGBOUNCER = True
    assert checks.tenant_setting_is_not_shared() == []

    status("--role", role)

    assert [found.id for found in checks.tenant_setting_is_not_shared()] == ["ramp.E014"]
    settings.BEHIND_PGBOUNCER = False
    assert checks.tenant_setting_is_not_shared() == []


@pytest.mark.django_db
def test_says_how_to_create_a_role() -> None:
    with pytest.raises(CommandError, match="CREATE ROLE"):
        status("--role", "nobody")
