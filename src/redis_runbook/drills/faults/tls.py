"""TLS where there is none, and a certificate that nobody should accept."""

import contextlib
import datetime as dt
import ssl
from collections.abc import Iterator
from typing import Final

from redis_runbook.drills.error import CannotDrillError
from redis_runbook.drills.fault import fault
from redis_runbook.drills.proxy import proxy
from redis_runbook.drills.stand import Stand

_REACHABLE: Final = "connectivity.reachable[queue]"
_DAY: Final = dt.timedelta(days=1)
_TRUSTED: Final = """
[services.queue.tls]
ca_file = "ca.pem"
"""


@fault("the checks expect TLS, and the queue has none", _REACHABLE)
def tls_mismatch(stand: Stand) -> Iterator[None]:
    """The URL says rediss://."""
    stand.queue.url_override = stand.queue.url.replace("redis://", "rediss://")
    yield
    stand.queue.url_override = None


@fault("the certificate of the queue has expired", _REACHABLE)
def expired_certificate(stand: Stand) -> Iterator[None]:
    """Yesterday; whoever signed it is trusted, and it is for the host of the URL."""
    with behind_tls(stand, expires=dt.datetime.now(dt.UTC) - _DAY):
        yield


@contextlib.contextmanager
def behind_tls(stand: Stand, *, expires: dt.datetime) -> Iterator[None]:
    """The checks reach the queue through TLS, and trust who signed its certificate.

    Raises:
        CannotDrillError: trustme, which makes certificates, is not installed.
    """
    try:
        import trustme  # noqa: PLC0415  # of the extra `drill`
    except ImportError:
        needed = "it needs trustme: pip install 'redis-runbook[drill]'"
        raise CannotDrillError(needed) from None
    endpoint, configuration = stand.queue.endpoint, stand.configuration
    authority = trustme.CA()
    certificate = authority.issue_cert(endpoint.host, not_before=expires - _DAY, not_after=expires)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    stand.files["ca.pem"] = authority.cert_pem.bytes().decode()
    with proxy(endpoint, tls=context) as port:
        stand.configuration += _TRUSTED
        stand.queue.url_override = f"rediss://:{endpoint.password}@{endpoint.host}:{port}"
        yield
    stand.queue.url_override, stand.configuration = None, configuration
