"""The process: `migrate`, `register SECRET REDIRECT_URI POST_LOGOUT_URI`, or `serve PORT`.

It imports nothing of ours, because the package `tests` has other settings of Django.
"""

import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

FOLDER = Path(os.environ["FOLDER"])
APPS = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions")
PROCESSORS = ["django.template.context_processors.request"]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def configure() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings.configure(
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="urls",
        LOGIN_URL="/o/login/",
        # Ramp is on the same host, and has cookies with the usual names.
        SESSION_COOKIE_NAME="toolkit_session",
        CSRF_COOKIE_NAME="toolkit_csrf",
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}
        },
        INSTALLED_APPS=[*APPS, "oauth2_provider"],
        # Django's usual hash takes seconds on a busy machine, longer than Ramp waits.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS},
            }
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": pem,
            "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
            "OAUTH2_VALIDATOR_CLASS": "urls.Validator",
            "SCOPES": dict.fromkeys(("openid", "profile", "email", "groups"), ""),
        },
    )
    django.setup()


def main(task: str, *arguments: str) -> None:
    configure()
    # Models can be imported only now.
    from oauth2_provider.models import Application  # noqa: PLC0415

    match task, arguments:
        case "migrate", ():
            call_command("migrate", verbosity=0)
        case "register", (secret, back, out):
            # In some orders of the tests, several companies use the provider one after the other.
            Application.objects.filter(client_id="ramp").delete()
            _register(secret, back, out)
        case "serve", (port,):
            application = get_wsgi_application()
            make_server("127.0.0.1", int(port), application, server_class=Server).serve_forever()


def _register(secret: str, back: str, out: str) -> None:
    # A client that is trusted asks nobody for consent.
    call_command(
        "createapplication",
        "confidential",
        "authorization-code",
        client_id="ramp",
        client_secret=secret,
        redirect_uris=back,
        post_logout_redirect_uris=out,
        algorithm="RS256",
        skip_authorization=True,
        verbosity=0,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
