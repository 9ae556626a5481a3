import os
import secrets
from pathlib import Path


def kept_in(folder: Path) -> str:
    """Return the key of this installation, made when it is first asked for.

    Good for trying things out. Several machines need one key, which is what SECRET_KEY is for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secret-key"
    if not path.exists():
        _make(path)
    return path.read_text()


def _make(path: Path) -> None:
    # Several processes may start at once: each writes its own, one of them gets the name.
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(64))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
