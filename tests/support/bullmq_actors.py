"""Processes that use real BullMQ libraries, told by a test what to do."""

import contextlib
import importlib.util
import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.support.places import BULLMQ

NODE = shutil.which("node")
HAS_NODE_LIBRARIES = bool(NODE) and (BULLMQ / "node_modules/bullmq6/package.json").exists()
OLD_PYTHON_LIBRARY = BULLMQ / "python-2.15"
HAS_OLD_PYTHON_LIBRARY = (OLD_PYTHON_LIBRARY / "bullmq").is_dir()
HAS_PYTHON_LIBRARY = importlib.util.find_spec("bullmq") is not None
INSTALL = "BullMQ is not installed: run scripts/install-bullmq.sh"
_ANSWER_S = 30


@dataclass
class Actor:
    """One process; `starts` and `ends` are the true times (ms) of each job's runs.

    `lost` are those of errors of a Node worker itself, as where the server is gone.
    """

    process: subprocess.Popen[str]
    starts: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    ends: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    lost: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    _answers: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def begin(cls, library: str, port: int, database: int = 0, ahead_ms: int = 0) -> Self:
        """`library` is a package of tests/bullmq, `python`, or `python-2.15`: an old one.

        A Node process's clock is `ahead_ms` ahead of the true one.
        """
        environ = {**os.environ, "ACTOR_DATABASE": str(database)}
        if library == "python-2.15":
            environ["PYTHONPATH"] = str(OLD_PYTHON_LIBRARY)
        command = (
            [sys.executable, str(Path(__file__).with_name("bullmq_python_actor.py")), str(port)]
            if library.startswith("python")
            else [str(NODE), str(BULLMQ / "actor.js"), library, str(port), str(ahead_ms)]
        )
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )
        actor = cls(process)
        threading.Thread(target=actor._listen, daemon=True).start()
        return actor

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            message = json.loads(line)
            if "id" in message:
                self._answers.put(message)
            else:
                happened = {"start": self.starts, "end": self.ends, "lost": self.lost}
                times = happened[message["event"]]
                key = (message["queue"], str(message["job"]))
                times.setdefault(key, []).append(message["at"])

    def tell(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have something done, and return its `result` and the time `at` which it was done."""
        number = next(self._ids)
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"id": number, "do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = self._answers.get(timeout=_ANSWER_S)
        assert answer["id"] == number
        assert "error" not in answer, answer["error"]
        return answer

    def add(self, queue: str, data: dict[str, Any] | None = None, **options: Any) -> "Added":
        prefix = options.pop("prefix", "bull")
        answer = self.tell("add", queue=queue, prefix=prefix, data=data or {}, options=options)
        return Added(str(answer["result"]), answer["at"])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(timeout=10)


@dataclass(frozen=True)
class Added:
    """A job's id, and when it had been added (ms)."""

    job: str
    at: float


@contextlib.contextmanager
def acting() -> Iterator[Any]:
    """Gives a function that begins actors, all of which end with the block."""
    actors: list[Actor] = []

    def begin(library: str, port: int, database: int = 0, ahead_ms: int = 0) -> Actor:
        actors.append(Actor.begin(library, port, database, ahead_ms))
        return actors[-1]

    try:
        yield begin
    finally:
        for actor in actors:
            actor.end()
