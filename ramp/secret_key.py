import os
import secrets
from pathlib import Path


def stored_key(folder: Path) -> str:
    """Return the key of this installation, which is created with the first call.

    It is meant for trying Ramp out. If there are several machines, set SECRET_KEY instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secret-key"
    if not path.exists():
        # Several processes may start at once. Each writes its own file, and one gets the name.
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
