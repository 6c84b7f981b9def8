"""A TCP proxy that holds back what a server sends, or that speaks TLS in its place."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from typing import Final

from redis_runbook.wire.endpoint import Endpoint

_HOST: Final = "127.0.0.1"
_CHUNK: Final = 1 << 16


@contextlib.contextmanager
def proxy(
    endpoint: Endpoint, *, delay_s: float = 0.0, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """The port of a proxy to a server, for as long as the block lasts."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer, delay_s))

    with asyncio.Runner() as runner:  # at its end all connections are closed
        loop = runner.get_loop()
        server = runner.run(asyncio.start_server(connect, _HOST, 0, ssl=tls))
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            server.close()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay_s: float = 0.0
) -> None:
    with contextlib.closing(sink), contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            await asyncio.sleep(delay_s)
            sink.write(data)
            await sink.drain()
