"""How Ramp connects to PostgreSQL, directly or through PgBouncer."""

from typing import Any, Final

OPTIONS: Final[dict[str, Any]] = {
    # Prepare statements that repeat, with parameters sent separately.
    "server_side_binding": True,
    "prepare_threshold": 3,
    # Seconds; the next one is in milliseconds. A database that is gone must not stop requests.
    "connect_timeout": 3,
    "tcp_user_timeout": 10_000,
    # `migrate` removes the first limit for itself. JIT is off, because with many people PostgreSQL
    # would compile the statements of every page, which takes longer than running them.
    "options": "-c statement_timeout=10s -c lock_timeout=5s"
    " -c idle_in_transaction_session_timeout=10s -c jit=off",
}


def postgresql_settings(database: dict[str, Any], *, is_pooled: bool) -> dict[str, Any]:
    """Return Django's settings of the database; those in its URL take precedence.

    :param is_pooled: whether each transaction may have another connection.
    """
    options = OPTIONS | database.get("OPTIONS", {})
    if is_pooled:
        # The limits are those of the role (docs/operating.md), and a statement that was prepared on
        # one connection is unknown on the next one.
        del options["options"]
        options["prepare_threshold"] = None
    return database | {
        "ENGINE": "ramp.postgresql",
        "OPTIONS": options,
        "DISABLE_SERVER_SIDE_CURSORS": is_pooled,
    }
