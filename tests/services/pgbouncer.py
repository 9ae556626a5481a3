"""PgBouncer in transaction mode, with fewer connections to PostgreSQL than its clients have."""

from tests.services.postgres_redis_smtp import Postgres, Service, as_postgres, program

CONNECTIONS = 3
CONFIG = """
[databases]
* = host=127.0.0.1 port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
"""


class PgBouncer(Service):
    # SIGTERM ends it at once; SIGINT would wait for the clients.
    def __init__(self, postgres: Postgres, role: str) -> None:
        super().__init__()
        options = as_postgres(self.folder)
        (self.folder / "users").write_text(f'"{role}" ""\n')
        values = {"port": postgres.port, "own_port": self.port, "folder": self.folder}
        config = self.folder / "pgbouncer.ini"
        # `any` connects as the role of `databases`, so the role has to stand there.
        text = CONFIG.format(**values, connections=CONNECTIONS)
        config.write_text(text.replace("* = host", f"* = user={role} host"))
        self.role = role
        self.run(program("pgbouncer", folders="/usr/sbin"), str(config), **options)

    def url(self, database: str) -> str:
        return f"postgres://{self.role}@127.0.0.1:{self.port}/{database}"
