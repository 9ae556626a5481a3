"""LemonLDAP::NG, an OpenID provider that we did not write, in a process of its own.

It knows whoever a test introduces; the password of a demonstration account is its login. Debian's
package is enough: the portal runs without Apache, and without the settings of the machine.

One group is a text in its claim, and several are a list. Only the userinfo response has claims.
https://lemonldap-ng.org/documentation/latest/idpopenidconnect.html
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.services.postgres_redis_smtp import Service, program

HERE: Final = Path(__file__).parent
SECRET: Final = "the client's secret: 100 %"
INI: Final = """[all]
logLevel = warn
[configuration]
type = File
dirName = {folder}/conf
localStorage = Cache::FileCache
localStorageOptions = {{ 'namespace' => 'conf', 'cache_root' => '{folder}/cache' }}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
"""

Json = dict[str, Any]


class LemonLdap(Service):
    """`introduce` its people, `register` Ramp, then `enter` where Ramp sends people back to.

    It knows no logout over the back channel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.people = self.folder / "people.json"
        self.people.write_text("{}")
        for name in ("conf", "cache", "sessions/lock", "psessions/lock"):
            (self.folder / name).mkdir(parents=True)
        ini = self.folder / "lemonldap-ng.ini"
        ini.write_text(INI.format(folder=self.folder))
        environment = {
            "PATH": os.environ["PATH"],
            "LLNG_DEFAULTCONFFILE": str(ini),
            "PEOPLE": str(self.people),
        }
        self.settings = json.loads((HERE / "lmConf.json").read_text()) | self._own_settings()
        self._configure()
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--env", "production")
        self.run(program("plackup"), *where, str(HERE / "server.psgi"), env=environment)

    def introduce(self, login: str, **claims: Any) -> None:
        """Know somebody by this login, or know something else about them from now on."""
        account = {
            "uid": login,
            "mail": claims["email"],
            "givenName": claims["given_name"],
            "sn": claims["family_name"],
            "groups": claims["groups"],
        }
        known = json.loads(self.people.read_text())
        self.people.write_text(json.dumps(known | {login: account}))

    def register(self) -> Json:
        """Return what `add_identity_provider` reads about the client that `enter` makes."""
        return {
            "kind": "oidc",
            "name": "LemonLDAP::NG",
            "issuer": self.issuer,
            "client_id": "ramp",
            "client_secret": SECRET,
            "scopes": "openid profile email groups",
        }

    def enter(self, addresses: Json) -> None:
        """Make Ramp a client, with what `add_identity_provider` answered."""
        client = {
            "ClientID": "ramp",
            "ClientSecret": SECRET,
            "RedirectUris": addresses["redirect_uri"],
            "PostLogoutRedirectUris": addresses["post_logout_redirect_uri"],
            "IDTokenSignAlg": "RS256",
            "BypassConsent": 1,
        }
        self.settings["oidcRPMetaDataOptions"] = {
            "ramp": {f"oidcRPMetaDataOptions{name}": value for name, value in client.items()}
        }
        self._configure()
        # Running, it looks only now and then whether its settings have changed.
        self.shut_down()
        self.restart()

    def _configure(self) -> None:
        # By the number, it sees that what it has in its cache is older.
        self.settings["cfgNum"] += 1
        file = self.folder / f"conf/lmConf-{self.settings['cfgNum']}.json"
        file.write_text(json.dumps(self.settings))

    def _own_settings(self) -> Json:
        """Return the settings that are different each time: addresses, folders and keys."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        sessions, persistent = self.folder / "sessions", self.folder / "psessions"
        cache = {"namespace": "sessions", "cache_root": str(self.folder / "cache")}
        return {
            "portal": f"{self.issuer}/",
            "oidcServiceMetaDataIssuer": self.issuer,
            "oidcServicePrivateKeySig": private.decode(),
            "oidcServicePublicKeySig": public.decode(),
            "globalStorageOptions": _folders(sessions),
            "persistentStorageOptions": _folders(persistent),
            "localSessionStorageOptions": cache,
        }


def _folders(folder: Path) -> dict[str, str]:
    return {"Directory": str(folder), "LockDirectory": str(folder / "lock")}
