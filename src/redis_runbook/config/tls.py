"""Checks the PEM files of the configuration before anything connects."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from redis_runbook.config.model import Tls
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.files import read_text

_MAX_FILE_BYTES: Final = 1 << 20


def tls_problems(tls: Tls, where: str, endpoint: Endpoint | None) -> Iterator[str]:
    """A sentence for each problem with a service's TLS options.

    `where` is the name of its table; `endpoint` is None if its URL is not known.
    """
    if tls == Tls():
        return
    if endpoint and endpoint.scheme != "rediss":
        yield f"{where}.tls is set, but the URL does not ask for TLS: use rediss://"
    for key in ("ca_file", "cert_file", "key_file"):
        if (file := getattr(tls, key)) and (wrong := _file_problem(file)):
            yield f"{where}.tls.{key}: {wrong}"
            return
    if tls.ca_file and (wrong := ca_problem(tls.ca_file)):
        yield f"{where}.tls.ca_file: {wrong}"
    if tls.key_file and not tls.cert_file:
        yield f"{where}.tls.key_file: needs a cert_file beside it"
    if tls.cert_file and not _is_certificate(tls.cert_file, tls.key_file):
        yield (
            f"{where}.tls.cert_file: it and key_file are not a PEM certificate and its key, "
            "or the key is encrypted"
        )


def ca_problem(file: str) -> str:
    """Why a file cannot be used as CA file; empty if it can."""
    if wrong := _file_problem(file):
        return wrong
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError:
        return "the file holds no PEM certificate"
    return ""


def _file_problem(file: str) -> str:
    """Why a PEM file cannot be read; empty if it can."""
    try:
        read_text(Path(file), max_bytes=_MAX_FILE_BYTES)
    except ValueError as error:
        return f"the file {error}"
    return ""


def _is_certificate(certificate: str, key: str | None) -> bool:
    try:
        # Without a passphrase OpenSSL would ask for it on the terminal, and wait.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except OSError:
        return False
    return True
