"""Reads environment variables, and ends the program with one line about a value that is wrong."""

import json
import os
from pathlib import Path
from typing import Any, NoReturn

import environ

FALSE_STRINGS = ("false", "off", "n", "no", "0", "")


class Env(environ.Env):
    """Environment variables. A wrong number or truth value ends the program with one line."""

    def int(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        try:
            return super().int(var, default)
        except ValueError:
            refuse(f"{var} is “{self.ENVIRON[var]}”. Write a whole number.")

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        known = (*self.BOOLEAN_TRUE_STRINGS, *FALSE_STRINGS)
        if self.ENVIRON.get(var, "").lower() not in known:
            refuse(f"{var} is “{self.ENVIRON[var]}”. Write true or false.")
        return super().bool(var, default)


def writable_folder(path: Path) -> Path:
    """Create the folder if it is missing. End the program if it cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"the folder VAR_DIR={path} cannot be created: {error.strerror}. {_ADVICE}")
    if not os.access(path, os.W_OK):
        refuse(f"this user may not write to the folder VAR_DIR={path}. {_ADVICE}")
    return path


def log_is_json() -> bool:
    """Tell whether the log has one JSON object on each line, for programs that collect logs."""
    return os.environ.get("LOG_FORMAT", "text") == "json"


def refuse(problem: str) -> NoReturn:
    text = f"Not started: {problem}"
    if log_is_json():
        # The settings, which configure the log, are not complete yet.
        raise SystemExit(json.dumps({"event": text, "level": "error", "logger": __name__}))
    raise SystemExit(text)


_ADVICE = (
    "Set VAR_DIR to a folder that this user may write, or set DATABASE_URL, REDIS_URL and "
    "SECRET_KEY, which need no folder."
)
