"""`python -m bench.soak N`: N healthy runs under live load, and not one verdict but a pass.

Real BullMQ workers (Node and Python) take jobs all the time, a scheduler ticks, and a cache is read
and written. Every tenth run is a `gate` with a short window, all others are `smoke`. The result
goes into docs/benchmarks.md; the command fails if any finding was fail, unknown or warn.
"""

import contextlib
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.support import product
from tests.support.bullmq_actors import Actor, acting
from tests.support.exporters import exporter
from tests.support.servers import Server, running

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_SECTION: Final = re.compile(r"\n## Healthy runs under load\n.*", re.DOTALL)
_GATE_EVERY: Final = 10
_GATE_WINDOW: Final = "5s"
_SETTLED_S: Final = 27
"""Until no worker is so young that it may still be reconnecting."""
_JOBS_APART_S: Final = 0.1
_HARMLESS: Final = {"pass", "not_applicable"}
_CONFIG: Final = """
[services.queue]
role = "queue"
queues = ["bundle:render", "reports", "ticks"]
[jwt_cache]
min_entries = 100
"""


def main() -> int:
    """Return 1 if a finding of any run was fail, unknown or warn."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    started = time.monotonic()
    with _stack() as env, tempfile.TemporaryDirectory(prefix="runbook-soak-") as folder:
        odd, findings = _run_all(runs, env, Path(folder))
    took_s = time.monotonic() - started
    gates = runs // _GATE_EVERY
    text = (
        f"\n## Healthy runs under load\n\n`make soak N={runs}`: {runs - gates} smoke and {gates} "
        f"gate runs in {took_s / 60:.0f} minutes, while Node's and Python's BullMQ workers took "
        f"jobs, a scheduler ticked every second and a cache was read and written. "
        f"{findings:,} findings; fail, unknown or warn: {sum(odd.values())}.\n"
    )
    if odd:
        text += "\n" + "".join(f"- {times} times {what}\n" for what, times in odd.most_common(20))
    page = _SECTION.sub("", PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page + text, encoding="utf-8")
    print(text)
    return 1 if odd else 0


def kept_section() -> str:
    """The section of the last soak, which `make bench` keeps."""
    found = _SECTION.search(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else None
    return found[0] if found else ""


def _run_all(runs: int, env: Mapping[str, str], folder: Path) -> tuple[Counter[str], int]:
    """What was not a pass, with how often, and how many findings there were."""
    odd: Counter[str] = Counter()
    findings = 0
    for number in range(1, runs + 1):
        is_gate = number % _GATE_EVERY == 0
        windows = [f"--window={name}={_GATE_WINDOW}" for name in ("queue", "cache")]
        arguments = ("gate", *windows) if is_gate else ("smoke",)
        done = product.run(folder, *arguments, env=env, config=_CONFIG)
        tests: list[dict[str, Any]] = json.loads(done.files["results.json"])["results"]["tests"]
        for path in (folder / "reports").glob(f"{arguments[0]}-*"):
            path.unlink()
        findings += len(tests)
        for test in tests:
            if test["extra"]["verdict"] not in _HARMLESS:
                what = f"{test['extra']['verdict']} {test['name']}: {test['extra']['message']}"
                odd[what] += 1
                print(f"run {number}: {what}", flush=True)
        if number % 25 == 0:
            print(
                f"{number} of {runs} runs, {sum(odd.values())} findings that are no pass",
                flush=True,
            )
    return odd, findings


@contextlib.contextmanager
def _stack() -> Iterator[Mapping[str, str]]:
    """A queue and a cache under load, with an exporter; the environment that names them."""
    queue_options = ("--maxmemory", "256mb", "--maxmemory-policy", "noeviction")
    with (
        running(*queue_options, "--appendonly", "yes") as queue,
        running("--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru") as cache,
        exporter(queue) as url,
        acting() as begin,
    ):
        stop = threading.Event()
        node, python = begin("bullmq6", queue.port), begin("python", queue.port)
        _start_workers(node, python)
        loads = [
            threading.Thread(target=_add_jobs, args=[node, python, stop], daemon=True),
            threading.Thread(target=_use_cache, args=[cache, stop], daemon=True),
        ]
        for load in loads:
            load.start()
        time.sleep(_SETTLED_S)
        try:
            yield {**product.urls(queue.url, cache.url), "REDIS_EXPORTER_URL": url}
        finally:
            stop.set()
            for load in loads:
                load.join(30)


def _start_workers(node: Actor, python: Actor) -> None:
    """Two Node workers, one Python worker, and a scheduler; finished jobs are removed."""
    options = {"concurrency": 2, "removeOnComplete": {"count": 100}}
    node.tell("worker", queue="render", prefix="bull:bundle", options=options)
    node.tell("worker", queue="ticks", options=options)
    python.tell("worker", queue="reports", options={"concurrency": 2})
    args = ["tick", {"every": 1000}]
    node.tell("queue", queue="ticks", call="upsertJobScheduler", args=args)


def _add_jobs(node: Actor, python: Actor, stop: threading.Event) -> None:
    number = 0
    while not stop.wait(_JOBS_APART_S):
        number += 1
        data = {"ms": 5 + number % 20}
        keep = {"removeOnComplete": True}
        node.tell("add", queue="render", prefix="bull:bundle", data=data, options=keep)
        if number % 3 == 0:
            python.tell("add", queue="reports", data=data, options=keep)


def _use_cache(cache: Server, stop: threading.Event) -> None:
    """Reads and writes, and 200 JWT entries that are renewed before they expire."""
    client = cache.client()
    number = 0
    while not stop.wait(0.005):
        number += 1
        client.set(f"jwt:{number % 200}", "x" * 200, ex=900)
        client.get(f"jwt:{(number * 7) % 200}")
        client.hset("merchants", str(number % 500), "y" * 50)


if __name__ == "__main__":
    sys.exit(main())
