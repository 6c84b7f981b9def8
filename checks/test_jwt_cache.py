"""Does the JWT introspection cache hold live entries? Runbook: 4, Scenario B, step 4."""

import shlex

from redis_runbook.check import Judge, check
from redis_runbook.config.model import JwtCache
from redis_runbook.config.service import Service
from redis_runbook.judging.jwt_refresh import doubt, what_the_login_did, without_it
from redis_runbook.probes.cluster import ClusterFacts
from redis_runbook.probes.jwt_cache import JwtCacheFacts
from redis_runbook.probes.jwt_refresh import JwtRefreshFacts
from redis_runbook.words import counted


@check("jwt_cache.populated")
def test_populated(
    service: Service,
    jwt_settings: JwtCache,
    jwt_entries: JwtCacheFacts,
    cluster: ClusterFacts,
    judge: Judge,
) -> None:
    """The cache holds at least min_entries live entries of the JWT pattern.

    Passes when that many are found.
    Fails when the whole keyspace holds fewer; unknown is a scan that ran out of its budget first,
        and a cluster, of which one node was asked.
    Why: without cached introspections every request asks the identity provider.
    Next: 1. Trigger a CLI login, and confirm that tokens refresh normally.
        2. Run again: this check must turn green.
    """
    entries, wanted = jwt_entries, jwt_settings.min_entries
    found = f"found {counted(entries.live_entries, 'entry', 'entries')} of "
    found += f"{jwt_settings.shown_pattern} on {service.name}"
    if entries.live_entries < wanted and not entries.complete:
        total = f" of {entries.dbsize}" if entries.dbsize else ""
        judge.unknown(
            f"{found} after about {entries.keys_looked_at}{total} keys; the scan's budget was used "
            f"up after {entries.elapsed_s:.1f} s"
        )
    if entries.live_entries < wanted and cluster.others_not_asked:
        judge.unknown(f"{found} (at least {wanted}), but {cluster.others_not_asked}")
    judge.passes_if(
        entries.live_entries >= wanted,
        f"{'' if entries.complete else 'at least '}"
        f"{counted(entries.live_entries, 'live entry', 'live entries')} of "
        f"{jwt_settings.shown_pattern} on {service.name} (at least {wanted})",
        observed=entries.live_entries,
        limit=wanted,
        evidence={
            "scan": f"{counted(entries.calls, 'SCAN call')} in {entries.elapsed_s * 1000:.0f} ms"
        },
    )


@check("jwt_cache.expires")
def test_expires(
    service: Service, jwt_settings: JwtCache, jwt_entries: JwtCacheFacts, judge: Judge
) -> None:
    """Every sampled JWT entry has a TTL, and none outlives max_ttl_s.

    Passes when all sampled entries expire in time.
    Fails when one never expires, or later than that: a revoked token would stay valid.
    Why: a token that never expires here is accepted after it was revoked.
    Next: 1. Fix the TTL where the entry is written.
        2. `redis-cli --scan --pattern` with the pattern lists the entries; `TTL KEY` is -1 for one
        that has none. `EXPIRE` or `UNLINK` those.
    """
    entries, limit = jwt_entries, jwt_settings.max_ttl_s
    if not entries.ttl_sampled:
        judge.unknown(
            f"no entry of {jwt_settings.shown_pattern} was found on {service.name} to look at"
        )
    longest = entries.ttl_max_s
    found = shlex.quote(jwt_settings.shown_pattern)
    steps = [
        "fix the TTL where the entry is written",
        f"`redis-cli --scan --pattern {found}` lists entries; `TTL KEY` is -1 for one without",
        f"`EXPIRE KEY {limit:.0f}` for these and what lives longer, or `UNLINK KEY`",
    ]
    holds = not entries.without_ttl and (longest is None or longest <= limit)
    judge.passes_if(
        holds,
        f"of {_sampled(entries)} of {jwt_settings.shown_pattern} on "
        f"{service.name}, {counted(entries.without_ttl, 'has', 'have')} no TTL"
        + (
            f" and the others expire in {entries.ttl_min_s:.0f} to {longest:.0f} s (limit "
            f"{limit:.0f} s)"
            if longest is not None and entries.ttl_min_s is not None
            else ""
        ),
        observed=longest,
        limit=limit,
        next_steps=() if holds else steps,
        only_these_steps=not holds,
    )


@check("jwt_cache.refreshes")
def test_refreshes(
    service: Service,
    jwt_settings: JwtCache,
    jwt_refresh: JwtRefreshFacts,
    cluster: ClusterFacts,
    judge: Judge,
) -> None:
    """A login makes a new entry of the JWT cache, or renews one.

    Passes when one is new, or expires later, within the login's timeout after it.
    Fails when the login fails, or works and leaves the cache as it was. It is a warning where
        entries also come without it.
    Why: a cache that no login fills empties until everything asks the identity provider.
    Next: if the login fails, mend that first; if it works, look whether the API writes to this
        cache (`REDIS_CACHE_URL`) under this pattern.
    """
    seen = jwt_refresh
    if not seen.succeeded:
        judge.fails(f"the login {seen.login}", evidence={"last lines": seen.last_lines})
    did = what_the_login_did(seen, jwt_settings.shown_pattern, service.name)
    not_seen = doubt(seen, cluster.others_not_asked)
    if not seen.changed and not_seen:
        judge.unknown(f"{did}, but {not_seen}")
    if seen.changed and seen.others:
        judge.advise(f"{did}, but {without_it(seen)}: it may not be the login's doing")
    judge.passes_if(seen.changed > 0, f"{did}; {without_it(seen)}", observed=seen.changed, limit=1)


def _sampled(entries: JwtCacheFacts) -> str:
    """`3 entries`, or `100 of the 501 entries that were found`, where not all were looked at."""
    if entries.ttl_sampled >= entries.live_entries:
        return counted(entries.ttl_sampled, "entry", "entries")
    return f"{entries.ttl_sampled} of the {entries.live_entries} entries that were found"
