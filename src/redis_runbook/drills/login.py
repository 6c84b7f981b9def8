"""What a login does to the JWT cache: `python -m redis_runbook.drills.login`.

It writes an entry to the cache of REDIS_CACHE_URL, unless DRILL_LOGIN says otherwise.
"""

import os
import secrets

import redis


def main() -> None:
    """Log in."""
    if not os.environ.get("DRILL_LOGIN"):
        client = redis.Redis.from_url(os.environ["REDIS_CACHE_URL"], socket_timeout=5)
        client.set(f"jwt:{secrets.token_hex(32)}", "{}", ex=600)


if __name__ == "__main__":
    main()
