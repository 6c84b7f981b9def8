"""Whether an application is told the address of the server that was checked."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from redis_runbook.check import percent
from redis_runbook.config.service import Service
from redis_runbook.judging.worst import Judgement
from redis_runbook.probes.containers.facts import ContainerState, GivenUrl
from redis_runbook.probes.memory import MemoryFacts
from redis_runbook.redact import printable
from redis_runbook.verdict import CannotLook, Verdict

_MOST_OF_LIMIT: Final = 0.8


def judge_url(url: GivenUrl, service: Service, servers: Sequence[ContainerState]) -> Judgement:
    """Compare a URL with the address that was checked: a verdict, and a sentence.

    In the network of its containers a server has another address than where it is published;
    `servers` are the containers of the service, if it has any, and know both.
    """
    endpoint = service.endpoint
    if url.problem:
        return Verdict.UNKNOWN, f"{url.given_by} {url.problem}"
    if endpoint is None:
        return Verdict.UNKNOWN, service.missing
    host, address = printable(endpoint.host), printable(endpoint.address)
    text = f"{url.given_by} names {url.address}, database {url.database}"
    other = f"{text}, and what was checked is {address}, database {endpoint.database}"
    inward = _is_loopback(url.host)
    if inward and url.own_network:
        return Verdict.FAIL, f"{text}, which in its own network is the container itself"
    if url.database != endpoint.database:
        return Verdict.FAIL, other
    if inward and url.own_network is None:
        return Verdict.UNKNOWN, f"{text}: what that is in its container's network is not known"
    if url.address == address or _is_same(url, host, endpoint.port):
        return Verdict.PASS, f"{text}, which was checked"
    verdict, why = _by_containers(url, host, endpoint.port, servers)
    return verdict, f"{text}, {why} {address}" if verdict is Verdict.PASS else f"{other}{why}"


def judge_room(state: ContainerState, memory: MemoryFacts | CannotLook | None) -> Judgement:
    """Whether a container leaves its server room beyond maxmemory: for buffers, and for saving."""
    limit = state.memory_limit_bytes
    if not limit:
        return Verdict.PASS, f"{state.name} has no memory limit"
    if not isinstance(memory, MemoryFacts):
        return Verdict.UNKNOWN, f"maxmemory of {state.name} is not known: {memory}"
    size = f"the memory limit of {state.name}, {limit >> 20} MiB"
    if not memory.maxmemory_bytes:
        return Verdict.FAIL, f"maxmemory is 0: {size}, ends the server instead"
    ratio = memory.maxmemory_bytes / limit
    verdict = Verdict.PASS if ratio <= _MOST_OF_LIMIT else Verdict.FAIL
    return verdict, f"maxmemory is {percent(ratio)} of {size} (at most {percent(_MOST_OF_LIMIT)})"


def _by_containers(
    url: GivenUrl, host: str, port: int, servers: Sequence[ContainerState]
) -> Judgement:
    """Compare two different addresses; the words continue a sentence about them."""
    for server in servers:
        if url.host in server.names and not server.runs:
            return Verdict.UNKNOWN, f": {server.name} does not run, and publishes no port now"
        if url.host in server.names and not _share_network(url, server):
            return Verdict.UNKNOWN, (
                f": it is in no network of {server.name}, and whom it reaches by that name is not "
                "known"
            )
        is_both = _is_both(server, url, host, port)
        if is_both:
            return Verdict.PASS, f"which is {server.name}, as is"
        if is_both is None:
            where = f"that port of {server.published_on or 'this machine'}"
            return Verdict.UNKNOWN, (
                f": {server.name} is published at {where}, and whether {host} is that machine is "
                "not known"
            )
    if not servers and url.host != host and (_is_number(url.host) or _is_number(host)):
        unknown = "whether these are one server is not known; configure its container, too"
        return Verdict.UNKNOWN, f": {unknown}"
    return Verdict.FAIL, ""


def _is_same(url: GivenUrl, host: str, port: int) -> bool:
    """Whether a URL names the checked host, maybe in other words."""
    here = _is_loopback(url.host) and _is_loopback(host)
    return url.port == port > 0 and (here or url.host.casefold() == host.casefold())


def _share_network(url: GivenUrl, server: ContainerState) -> bool:
    """Whether an application reaches a container by its names; so does what is in no container."""
    return not url.networks or not {*url.networks}.isdisjoint(server.networks)


def _is_both(server: ContainerState, url: GivenUrl, host: str, port: int) -> bool | None:
    """Whether a container is what a URL names and what was checked; None if that is not known."""
    if url.host not in server.names:
        return False
    if host in server.names:
        return port == url.port
    if port not in server.ports.get(url.port, ()):
        return False
    is_there = host == server.published_on if server.published_on else _is_loopback(host)
    return is_there or None


def _is_number(host: str) -> bool:
    """Whether a host is an address or `localhost`, which may be what a name stands for."""
    return _is_loopback(host) or _address(host) is not None


def _is_loopback(host: str) -> bool:
    """Whether a host is the very machine, or container, that connects to it."""
    address = _address(host)
    if address is None:
        return host.lower() == "localhost"
    return address.is_loopback or address.is_unspecified


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
