"""A healthy server: a queue that has data, saves and evicts nothing."""

from tests.support.servers import Server

HEALTHY = ("--maxmemory", "100mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes")


def fill(server: Server) -> None:
    client = server.client()
    for number in range(50):
        client.set(f"jwt:{number}", "{}", ex=3600)
