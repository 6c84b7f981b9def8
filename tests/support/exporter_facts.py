"""What the exporter probe says, with no secret in it."""

import dataclasses
import json
from typing import Any

from redis_runbook.probes.exporter.scrape import ExporterFacts, observe_exporter
from redis_runbook.probes.server import Info, ServerFacts, server_facts
from redis_runbook.wire.http_url import parse_http_url
from tests.support.servers import Server

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
PASSWORD = "planted-passw0rd"
TIMEOUT_S = 1.0


def info_of(server: Server) -> Info:
    with server.client() as client:
        return {key: str(value) for key, value in client.info().items()}


SOMEBODY: Info = {
    "role": "master",
    "redis_mode": "standalone",
    "run_id": "a" * 40,
    "process_id": "4242",
    "tcp_port": "6379",
    "redis_version": "7.0.15",
    "uptime_in_seconds": "1000",
    "used_memory": "1000000",
    "maxmemory": "0",
}


def observe(url: str, info: Info = SOMEBODY, **options: Any) -> ExporterFacts:
    server: ServerFacts = server_facts(info)
    defaults: dict[str, Any] = {"own": True, "target": None, "timeout_s": TIMEOUT_S}
    facts = observe_exporter(
        url=parse_http_url(url), server=server, info=info, **{**defaults, **options}
    )
    shown = repr(facts) + json.dumps(dataclasses.asdict(facts)) + facts.summary
    assert PASSWORD not in shown
    assert JWT not in shown
    assert "\x1b" not in shown
    return facts


def metrics(**changes: str) -> str:
    """FAKE: what an exporter would say of SOMEBODY."""
    labels = {"run_id": "a" * 40, "process_id": "4242", "tcp_port": "6379"}
    labels["redis_version"] = "7.0.15"
    texts = {
        "redis_up": "1",
        'redis_exporter_last_scrape_error{err=""}': "0",
        "redis_memory_used_bytes": "1000000",
        "redis_memory_max_bytes": "0",
        "redis_uptime_in_seconds": "1000",
    }
    labels |= {key: value for key, value in changes.items() if key in labels}
    texts |= {key: value for key, value in changes.items() if key not in labels}
    lines = [f"{name} {value}" for name, value in texts.items() if value]
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items() if value)
    return "\n".join([*lines, f"redis_instance_info{{{inside}}} 1", ""])
