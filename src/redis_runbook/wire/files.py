"""Reads files with a size limit, and writes files atomically."""

import contextlib
import errno
import os
import secrets
import select
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

_STALLED_S: Final = 5.0
_APPENDED: Final[dict[str, tuple[int, int]]] = {}
"""By the path of a file, where in it this process appended last: from byte to byte."""


def is_url(path: str) -> bool:
    """Whether this is a URL in the place of a path.

    A `Path` drops a slash of it, so that redaction would not know its password any more.
    """
    return "://" in path


def read_text(path: Path, *, max_bytes: int) -> str:
    """The UTF-8 text of a regular file, without a byte order mark.

    Raises:
        ValueError: its text continues a sentence that begins with the file ("does not exist"), and
            quotes neither the path nor the contents, which may be secret.
    """
    with _opened(path) as file:
        raw = file.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise ValueError(f"is larger than {max_bytes:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start:,}") from None


def read_tail(path: Path, *, max_bytes: int) -> tuple[bytes, bool]:
    """The end of a regular file, and whether there is more before it; raises as `read_text`."""
    with _opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - max_bytes))
        return file.read(max_bytes), size > max_bytes


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, to be read; raises as `read_text`."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ValueError("is a directory")
        if not stat.S_ISREG(mode):  # opening a pipe that nobody writes to would never return
            raise ValueError("is not a plain file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def followed(path: Path) -> Path:
    """The path of the file that a path leads to.

    Raises:
        OSError: it is a link of another user.
    """
    if path.is_symlink() and path.lstat().st_uid not in {os.geteuid(), 0}:
        raise PermissionError(errno.EPERM, "it is a link of another user")
    return Path(os.path.realpath(path))  # `resolve` fails where links form a loop


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file atomically: a reader sees the old content or the new content, never a part.

    A link is followed, but for another user's. What is no plain file, such as a device, is written
    to and not replaced.
    `mode` is what the file permits, unless the umask permits less.

    Raises:
        OSError: the file could not be written; the old file is unchanged.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        _write_to_device(path, content)
        return
    path = followed(path)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        created = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(created, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def append_once(path: Path, make: Callable[[int], bytes]) -> None:
    """Append to a plain file that is somebody else's, and where others append, too.

    What this process appended last is replaced if it is still at the end: a run that is done again,
    as with `--wait`, is told once. `make` is given how many bytes are before it.

    Raises:
        OSError: the file could not be written.
    """
    # Without O_NONBLOCK, opening a pipe that nobody reads would never return.
    flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(followed(path), flags, 0o640), "wb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        where = os.path.realpath(path)
        start, end = _APPENDED.get(where, (about.st_size, about.st_size))
        if end != about.st_size:  # somebody else wrote meanwhile
            start = about.st_size
        content = make(start)
        file.seek(start)
        file.write(content)
        if start < about.st_size:  # what it replaces may be longer
            file.truncate()
    _APPENDED[where] = start, start + len(content)


def _write_to_device(path: Path, content: bytes) -> None:
    """Write to a device or pipe, which is an error where nobody reads it."""
    device = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        rest = memoryview(content)
        while rest:
            _, ready, _ = select.select([], [device], [], _STALLED_S)
            if not ready:
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")
            rest = rest[os.write(device, rest) :]
    finally:
        os.close(device)
