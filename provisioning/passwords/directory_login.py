"""Checks a directory password, subject to the limits on guessing."""

from collections.abc import Iterator
from contextlib import contextmanager

from people.secrets import SecretLost
from provisioning.claims import Claims
from provisioning.ldap import client
from provisioning.ldap.client import Directory
from provisioning.ldap.connection import LdapFailed, WrongPassword
from provisioning.ldap.entry import Account, Entry
from provisioning.models import IdentityProvider
from provisioning.passwords import ldap_lockout, lockout
from provisioning.passwords.lockout import GuessedTooOften, Source
from provisioning.providers import manage
from provisioning.providers.config import settings_of


class PasswordTry:
    """One attempt with a login name. It counts for the name and for the entry that it finds."""

    def __init__(self, provider: IdentityProvider, login: str, source: Source) -> None:
        self.provider, self.source = provider, source
        # The names for which the attempt is counted.
        self.names = [login]
        # Whose entry was found, for the log. The visitor may have typed the name in any form.
        self.account: Account | None = None

    def claims(self, password: str) -> Claims:
        """Return the claims of the person with this login name and password.

        :raises GuessedTooOften: while the source has to wait, or if an incorrect password could
            lock the account in the directory.
        :raises WrongPassword: if the name or the password is incorrect.
        :raises LdapFailed, SecretLost: if the password could not be checked.
        """
        settings, [login] = settings_of(self.provider), self.names
        lockout.check(login, self.source)
        try:
            secret = manage.secret_of(self.provider)
            claims = client.sign_in(
                settings, secret, login, password, around_binding=self._guarding
            )
        except WrongPassword as error:
            self.account = self.account or error.account
            raise
        except (GuessedTooOften, LdapFailed, SecretLost):
            self._cancel_tries()
            raise
        for name in self.names:
            lockout.record_success(name, self.source)
        return claims

    @property
    def accounts(self) -> list[str]:
        return [lockout.account_of(name) for name in self.names]

    @property
    def is_known_device(self) -> bool:
        """Tell whether the account that was found has signed in on this device before."""
        return self.source.knows(self.names[-1])

    @contextmanager
    def _guarding(self, directory: Directory, entry: Entry) -> Iterator[None]:
        """Count the attempt for the entry too: a directory accepts many spellings of a name."""
        self.account = directory.account_of(entry)
        name = f"{self.provider.pk} {self.account.subject or entry.dn}"
        lockout.check(name, self.source)
        self.names.append(name)
        if not entry.is_active_directory:
            yield
            return
        is_known = self.source.knows(name)
        with lockout.judge_exclusively(name):
            ldap_lockout.check(directory, entry, is_known_device=is_known)
            yield

    def _cancel_tries(self) -> None:
        for name in self.names:
            lockout.cancel_try(name, self.source)
