"""Reads files with a size limit, and writes files atomically."""

import contextlib
import secrets
import stat
from pathlib import Path


def read_text(path: Path, *, max_bytes: int) -> str:
    """The UTF-8 text of a regular file, without a byte order mark.

    Raises:
        ValueError: its text continues a sentence that begins with the file ("does not exist"), and
            quotes neither the path nor the contents, which may be secret.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ValueError("is a directory")
        if not stat.S_ISREG(mode):  # opening a pipe that nobody writes to would never return
            raise ValueError("is not a plain file")
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(raw) > max_bytes:
        raise ValueError(f"is larger than {max_bytes:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start:,}") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader sees the old content or the new content, never a part.

    Raises:
        OSError: the file could not be written; the old file is unchanged.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
