"""Second factors after a password."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.models import ApiToken, Person, SecondFactor, Tenant
from people.operations import rehires
from people.operations.api_tokens import create_api_token
from provisioning.models import SignInAttempt
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.provisioning.ldap.test_signing_in_with_ldap import connected as connected_to_ldap
from tests.provisioning.ldap.test_signing_in_with_ldap import sign_in as sign_in_with_ldap
from tests.provisioning.providers.test_rotating_secrets import rotate
from tests.services.fake_openid import OpenIdProvider
from tests.services.ldap import Slapd
from tests.support.openid_flow import connected as connected_to_openid
from tests.support.openid_flow import sign_in as sign_in_with_openid
from tests.support.second_factors import (
    PASSWORD,
    codes_on,
    history,
    secret_on,
    set_up,
    with_password,
)

pytestmark = pytest.mark.django_db

STEP = timedelta(seconds=30)
CODE, SET_UP = "/second-factor/", "/second-factor/set-up/"
Rule = Tenant.SecondFactorRule


def is_in(client: Client) -> bool:
    return bool(client.get("/home/").status_code == 200)


def enter(client: Client, code: str) -> Any:
    return client.post(CODE, {"code": code})


def require(tenant: Tenant, rule: Rule) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(second_factor=rule)


def log(person: Person) -> list[tuple[str, str]]:
    with tenancy.use(person.tenant):
        return list(SignInAttempt.objects.order_by("pk").values_list("outcome", "reason"))


@pytest.fixture
def owner(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example", password=PASSWORD)


@pytest.fixture
def moment() -> datetime:
    # The start of a time step.
    return timezone.now().replace(second=0, microsecond=0)


def test_second_factor_is_set_up_and_then_required(ada: Person, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        app, _ = set_up(with_password(ada))
    with time_machine.travel(moment + STEP, tick=False):
        visitor = with_password(ada)
        assert not is_in(visitor)

        answer = enter(visitor, app.code())

    assert answer["Location"] == "/home/"
    assert is_in(visitor)
    assert history(ada) == [f"{ada.full_name} set up their second factor"]
    assert log(ada) == [("signed-in", ""), ("first-factor", ""), ("signed-in", "")]


def test_setup_page_shows_the_secret_as_qr_code_and_text(ada: Person) -> None:
    page = with_password(ada).get("/account/second-factor/set-up/")

    assert secret_on(page)
    assert 'src="data:image/svg+xml' in page.content.decode()
    assert "otpauth://totp/" in page.content.decode()


def test_setup_needs_a_correct_code(ada: Person) -> None:
    client = with_password(ada)
    shown = secret_on(client.get("/account/second-factor/set-up/"))

    answer = client.post("/account/second-factor/set-up/", {"code": "000000 wrong"})

    assert "Incorrect code" in text_of(answer)
    assert secret_on(answer) == shown
    with tenancy.use(ada.tenant):
        assert not SecondFactor.objects.exists()


def test_secret_is_encrypted_and_recovery_codes_are_hashed(ada: Person) -> None:
    app, codes = set_up(with_password(ada))

    with tenancy.use(ada.tenant):
        stored = SecondFactor.objects.get()
    assert app.secret not in stored.secret
    assert not set(codes) & set(stored.recovery_digests)
    assert len(stored.recovery_digests) == 10


def test_code_works_only_once(ada: Person, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        app, _ = set_up(with_password(ada))
        # The code that set it up counts as used.
        seen = with_password(ada)
        assert "already used" in text_of(enter(seen, app.code()))
    with time_machine.travel(moment + STEP, tick=False):
        code = app.code()
        enter(with_password(ada), code)
        thief = with_password(ada)
        enter(thief, code)

    assert not is_in(thief)


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_code_of_the_adjacent_time_step_is_accepted(
    ada: Person, moment: datetime, steps: int, is_taken: bool
) -> None:
    with time_machine.travel(moment, tick=False):
        app, _ = set_up(with_password(ada))
    now = moment + 10 * STEP
    with time_machine.travel(now, tick=False):
        visitor = with_password(ada)
        enter(visitor, app.code(now + steps * STEP))

    assert is_in(visitor) == is_taken


def test_recovery_code_works_only_once(ada: Person) -> None:
    _, codes = set_up(with_password(ada))
    visitor, thief = with_password(ada), with_password(ada)

    enter(visitor, codes[3].lower().replace("-", " "))
    enter(thief, codes[3])

    assert is_in(visitor)
    assert not is_in(thief)
    assert history(ada)[-1] == f"{ada.full_name} signed in with a recovery code; 9 are left"


def test_new_recovery_codes_replace_the_old_ones(ada: Person) -> None:
    client = with_password(ada)
    _, old = set_up(client)

    new = codes_on(client.post("/account/second-factor/recovery-codes/"))

    enter(by_old := with_password(ada), old[0])
    enter(by_new := with_password(ada), new[0])
    assert not is_in(by_old)
    assert is_in(by_new)


def test_guessed_codes_lock_out_the_correct_code(ada: Person, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        app, codes = set_up(with_password(ada))
    with time_machine.travel(moment + STEP, tick=False):
        thief = with_password(ada)
        for _ in range(5):
            enter(thief, "12345")
        blocked = enter(thief, app.code())
        again = enter(with_password(ada), codes[0])

    assert (blocked.status_code, again.status_code) == (429, 429)
    assert "Too many incorrect codes" in text_of(blocked)
    assert not is_in(thief)
    assert log(ada)[-3] == ("refused", "codes-guessed")


def test_other_pages_do_not_skip_the_code(ada: Person) -> None:
    set_up(with_password(ada))
    visitor = with_password(ada)

    pages = ["/home/", "/account/", "/account/second-factor/set-up/", "/confirm-identity/"]
    answers = [visitor.get(page) for page in pages]

    assert {answer["Location"].partition("?")[0] for answer in answers} == {"/sign-in/"}
    assert visitor.get(SET_UP)["Location"] == CODE
    assert visitor.post(SET_UP, {"code": "1"})["Location"] == CODE


def test_password_step_expires_after_15_minutes(ada: Person, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        app, _ = set_up(with_password(ada))
        visitor = with_password(ada)
    with time_machine.travel(moment + timedelta(minutes=16), tick=False):
        assert enter(visitor, app.code())["Location"] == "/sign-in/"
        assert not is_in(visitor)


def test_changed_password_ends_the_password_step(ada: Person) -> None:
    _, codes = set_up(with_password(ada))
    visitor = with_password(ada)
    with tenancy.use(ada.tenant):
        ada.set_password("another one")
        ada.save()

    assert enter(visitor, codes[0])["Location"] == "/sign-in/"
    assert not is_in(visitor)


def test_second_factor_is_required_after_ldap_sign_in(
    acme: Tenant, slapd_service: Slapd, ada: Person
) -> None:
    require(acme, Rule.EVERYBODY)
    provider = connected_to_ldap(acme, slapd_service)
    visitor = Client()

    answer = sign_in_with_ldap(visitor, provider, "bob")

    assert answer["Location"] == CODE
    assert log(ada)[-1] == ("created", "")
    assert not is_in(visitor)
    set_up(visitor, SET_UP)
    assert is_in(visitor)
    sign_in_with_ldap(Client(), provider, "bob")
    assert log(ada)[-1] == ("first-factor", "")


@pytest.mark.parametrize(
    ("rule", "are_in"),
    [
        (Rule.NOBODY, (True, True)),
        (Rule.ADMINISTRATORS, (False, True)),
        (Rule.EVERYBODY, (False, False)),
    ],
    ids=str,
)
def test_second_factor_is_required_by_the_rule_of_the_tenant(
    acme: Tenant, owner: Person, ada: Person, rule: Rule, are_in: tuple[bool, bool]
) -> None:
    require(acme, rule)

    assert (is_in(with_password(owner)), is_in(with_password(ada))) == are_in


def test_required_setup_comes_before_any_page(acme: Tenant, owner: Person) -> None:
    require(acme, Rule.ADMINISTRATORS)
    # An Owner may use a password even if passwords are off.
    Tenant.objects.filter(pk=acme.pk).update(allows_passwords=False)
    visitor = with_password(owner)
    assert visitor.get(CODE)["Location"] == SET_UP
    assert visitor.get("/people/").status_code == 302

    set_up(visitor, SET_UP)

    assert visitor.get("/people/").status_code == 200
    assert history(owner) == [f"{owner.full_name} set up their second factor"]


def test_new_requirement_ends_sessions_without_second_factor(
    acme: Tenant, owner: Person, ada: Person
) -> None:
    with_one, without = with_password(ada), with_password(owner)
    set_up(with_one)

    require(acme, Rule.EVERYBODY)

    assert is_in(with_one)
    assert not is_in(without)


def test_openid_sign_in_needs_no_second_factor(acme: Tenant, openid: OpenIdProvider) -> None:
    provider, visitor = connected_to_openid(acme, openid), Client()
    require(acme, Rule.EVERYBODY)

    sign_in_with_openid(visitor, provider, openid)

    assert is_in(visitor)


def test_setting_shows_who_has_no_second_factor(owner: Person, ada: Person) -> None:
    client = with_password(owner)
    page = "/tenants/acme/auth-settings/"
    before = text_of(client.get(page))
    set_up(client)
    after = text_of(client.get(page))

    client.post(
        page, {"begins": "choice", "allows_passwords": "on", "second_factor": "administrators"}
    )

    assert "Administrators: 1" in before
    assert "Administrators: 0" in after
    owner.tenant.refresh_from_db()
    assert owner.tenant.second_factor == Rule.ADMINISTRATORS
    assert is_in(client)


def test_reset_ends_sessions_but_no_api_tokens(owner: Person, ada: Person) -> None:
    session = with_password(ada)
    set_up(session)
    with tenancy.use(ada.tenant):
        create_api_token(ada, "Script", scopes=["people:read"], days=1, actor=ada.actor)

    answer = with_password(owner).post(f"/people/{ada.pk}/reset-second-factor/", follow=True)

    assert f"The second factor of {ada.full_name} was reset." in text_of(answer)
    assert not is_in(session)
    assert is_in(with_password(ada))
    assert history(ada)[-1] == f"{owner.full_name} reset {ada.full_name}’s second factor"
    with tenancy.use(ada.tenant):
        assert ApiToken.objects.active().count() == 1


def test_reset_above_the_rank_is_refused(owner: Person, acme: Tenant) -> None:
    with tenancy.use(acme):
        admin = core.administrator(email="adam@acme.example", password=PASSWORD)
    set_up(with_password(owner))

    answer = with_password(admin).post(f"/people/{owner.pk}/reset-second-factor/")

    assert answer.status_code == 403
    with tenancy.use(acme):
        assert SecondFactor.objects.filter(person=owner).exists()


def test_required_second_factor_cannot_be_removed(acme: Tenant, ada: Person) -> None:
    client = with_password(ada)
    set_up(client)
    remove = "/account/second-factor/remove/"
    require(acme, Rule.EVERYBODY)
    refused = client.post(remove, follow=True)
    require(acme, Rule.ADMINISTRATORS)
    client.post(remove)

    assert "replace it but not remove it" in text_of(refused)
    assert is_in(with_password(ada))
    assert history(ada)[-1] == f"{ada.full_name} removed their second factor"


def test_changes_need_a_recent_sign_in(ada: Person, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        client = with_password(ada)
        app, codes = set_up(client)
    with time_machine.travel(moment + timedelta(hours=1), tick=False):
        for page in ("set-up", "recovery-codes", "remove"):
            answer = client.post(f"/account/second-factor/{page}/", {"code": app.code()})
            assert answer["Location"].startswith("/confirm-identity/")
        enter(visitor := with_password(ada), codes[0])
        assert is_in(visitor)


def test_code_works_after_key_rotation(ada: Person, settings: Settings, moment: datetime) -> None:
    with time_machine.travel(moment, tick=False):
        app, _ = set_up(with_password(ada))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a newer key"
    assert rotate() == {"rotated": 1, "lost": 0}
    settings.SECRET_KEY_FALLBACKS = []

    with time_machine.travel(moment + STEP, tick=False):
        enter(visitor := with_password(ada), app.code())

    assert is_in(visitor)


def test_recovery_code_works_without_the_key(ada: Person, settings: Settings) -> None:
    app, codes = set_up(with_password(ada))
    settings.SECRET_KEY = "another key"

    refused = enter(with_password(ada), app.code())
    enter(visitor := with_password(ada), codes[0])

    assert "Enter a recovery code" in text_of(refused)
    assert is_in(visitor)


def test_secret_copied_from_another_person_does_not_work(
    ada: Person, owner: Person, moment: datetime
) -> None:
    with time_machine.travel(moment, tick=False):
        app, _ = set_up(with_password(ada))
        set_up(with_password(owner))
    with tenancy.use(ada.tenant):
        copied = SecondFactor.objects.get(person=ada)
        SecondFactor.objects.filter(person=owner).update(secret=copied.secret)
    with time_machine.travel(moment + STEP, tick=False):
        enter(thief := with_password(owner), app.code())

    assert not is_in(thief)


def test_api_token_needs_no_second_factor(acme: Tenant, owner: Person) -> None:
    with tenancy.use(acme):
        token = create_api_token(owner, "Script", scopes=["people:read"], days=1, actor=owner.actor)
    require(acme, Rule.EVERYBODY)

    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get("/api/v1/people", headers=headers).status_code == 200


def test_revoking_credentials_of_a_rehire_removes_the_second_factor(ada: Person) -> None:
    set_up(signed_in(ada))
    with tenancy.use(ada.tenant):
        rehires.revoke_credentials(ada)
        assert not SecondFactor.objects.exists()


def test_command_resets_the_second_factor(owner: Person) -> None:
    session = with_password(owner)
    set_up(session)

    call_command("reset_second_factor", owner.email, "--tenant", "acme", stdout=StringIO())

    assert not is_in(session)
    assert is_in(with_password(owner))
    assert history(owner)[-1].endswith(f"reset {owner.full_name}’s second factor")
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command("reset_second_factor", "nobody@acme.example", "--tenant", "acme")
