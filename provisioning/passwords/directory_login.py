"""Judging a password of a directory, under the limits on guessing."""

from collections.abc import Iterator
from contextlib import contextmanager

from provisioning.claims import Claims
from provisioning.ldap import client
from provisioning.ldap.client import Directory
from provisioning.ldap.connection import LdapFailed, WrongPassword
from provisioning.ldap.entry import Entry
from provisioning.models import IdentityProvider
from provisioning.passwords import ldap_lockout, lockout
from provisioning.passwords.lockout import GuessedTooOften, Source
from provisioning.providers import manage
from provisioning.providers.config import settings_of
from provisioning.providers.secrets import SecretLost


class PasswordTry:
    """One password for one login name; tries count for the name and for the entry it finds."""

    def __init__(self, provider: IdentityProvider, login: str, source: Source) -> None:
        self.provider, self.source = provider, source
        # Under which names the try is booked.
        self.names = [login]

    def claims(self, password: str) -> Claims:
        """Return whose login name and password these are.

        :raises GuessedTooOften: while the source has to wait, or the account might be locked.
        :raises WrongPassword: if they are nobody's.
        :raises LdapFailed, SecretLost: if the directory cannot say so.
        """
        settings, [login] = settings_of(self.provider), self.names
        lockout.check(login, self.source)
        try:
            secret = manage.secret_of(self.provider)
            claims = client.sign_in(
                settings, secret, login, password, around_binding=self._guarding
            )
        except WrongPassword:
            raise
        except (GuessedTooOften, LdapFailed, SecretLost):
            self._take_back()
            raise
        for name in self.names:
            lockout.note_success(name, self.source)
        return claims

    @property
    def accounts(self) -> list[str]:
        return [lockout.account_of(name) for name in self.names]

    @contextmanager
    def _guarding(self, directory: Directory, entry: Entry) -> Iterator[None]:
        """Book the try for the entry too: a directory takes many spellings for one name."""
        subject = entry.text(directory.names_of("subject")) or entry.dn
        name = f"{self.provider.pk} {subject}"
        lockout.check(name, self.source)
        self.names.append(name)
        if not entry.is_active_directory:
            yield
            return
        is_known = self.source.knows(name)
        with lockout.one_at_a_time(name):
            ldap_lockout.check(directory, entry, is_known_device=is_known)
            yield

    def _take_back(self) -> None:
        for name in self.names:
            lockout.take_back(name, self.source)
