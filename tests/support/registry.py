"""A real image registry for tests, on a free port of this machine."""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from redis_runbook.wire.ports import free_port
from tests.support.requirements import require
from tests.support.servers import wait_for_port

REGISTRY = shutil.which("docker-registry")


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """`127.0.0.1:PORT`, the registry's name; it and its images are removed at the end."""
    require(REGISTRY is not None, "docker-registry is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="runbook-registry-") as folder:
        config = Path(folder) / "config.yml"
        # JSON is YAML.
        config.write_text(
            json.dumps(
                {
                    "version": "0.1",
                    "storage": {"filesystem": {"rootdirectory": f"{folder}/images"}},
                    "http": {"addr": f"127.0.0.1:{port}"},
                }
            )
        )
        with subprocess.Popen(
            [str(REGISTRY), "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                wait_for_port(port)
                yield f"127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(timeout=20)
