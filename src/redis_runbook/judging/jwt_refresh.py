"""The sentences about a login and what it did to the JWT cache."""

from redis_runbook.probes.jwt_refresh import JwtRefreshFacts
from redis_runbook.words import counted


def what_the_login_did(seen: JwtRefreshFacts, pattern: str, service: str) -> str:
    """`the login exited with 0 after 0.4 s (…), 1 entry of jwt:* on cache was new or renewed …`."""
    when = (
        f"{seen.appeared_s:.1f} s after it began"
        if seen.changed
        else f"in the {seen.watched_s:.1f} s after it"
    )
    entries = counted(seen.changed, "entry", "entries") if seen.changed else "no entry"
    entries = f"{entries} of {pattern}"
    were = "were" if seen.changed > 1 else "was"
    return f"the login {seen.login}, and {entries} on {service} {were} new or renewed {when}"


def without_it(seen: JwtRefreshFacts) -> str:
    """`none in the 2.0 s watched without it`: what others do."""
    return f"{seen.others or 'none'} in the {seen.quiet_s:.1f} s watched without a login"


def doubt(seen: JwtRefreshFacts, others_not_asked: str) -> str:
    """Why an entry may be new or renewed where none was seen to be; empty if all was seen."""
    if seen.unending:
        have = "has" if seen.unending == 1 else "have"
        return f"{seen.unending} of {seen.entries} {have} no expiry that could be seen to change"
    return others_not_asked
