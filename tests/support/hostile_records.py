"""Records in which every text from outside is written in the formats' own syntax."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from redis_runbook.record import RunRecord, ServerRecord, ServiceRecord
from redis_runbook.redact import Shown, printable
from redis_runbook.verdict import ExitCode, Finding, Suppression, Verdict
from tests.unit.reporting.test_record import RECORD

HOSTILE: Final[Sequence[str]] = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> <!-- --> ]]>",
    "a|b `c` ``d`` ``` e\\|f \\` | g |",
    "@everyone @org/team #1 !2 GH-3 ABC-4 %v1 ~bug $5 &6 deadbeef0",
    "[x](javascript:alert(1)) ![i](http://evil.example/x.png) [a]: http://evil.example",
    "http://evil.example www.evil.example e@evil.example <https://evil.example> evil.example",
    "::error::owned%0A::set-env name=x::y,title=z ##[add-mask]x",
    "ok 1 - fake # SKIP all # TODO none Bail out! TAP version 13 1..9",
    "\nnot ok 7\n  ...\n::stop-commands::x\n| a | b |\n|---|---|\n# heading\n",
    "'quoted'=1;;2 | 'x'=9 $HOSTNAME$ `reboot` a::b=c",
    "--- !!python/object:os.system [] {a: b} & * ... \u2028 \u0085",
    "*a* _b_ ~~c~~ **d** 1. 2) - + > # = --- ***",
    "&lt;b&gt; &#64;you &amp; \\@you \\# \\\\ \\",
    "[[ATTACHMENT|/etc/passwd]] [[PROPERTY|a=b]] ]]]] [[[[",
    "\x1b[31mred\x1b]0;title\x07 \x00 \u202e \ufeff \ud800 \uffff 👩‍💻 é",
    "    indented\tand tabbed    ",
    "1. 1. - x",
    ":+1: :smile:",
    "`",
    "|",
    "\\",
    " ",
    "",
)


def findings(texts: Sequence[str], *, raw: bool = False) -> list[Finding]:
    """For each text and verdict a finding, every text of which is that one."""
    shown = [Shown(text) if raw else printable(text) for text in texts]
    return [
        _finding(text, number, verdict, suppressed)
        for number, text in enumerate(shown)
        for verdict in Verdict
        for suppressed in (None, Suppression(reason=text, owner=text, until=None))
    ]


def _finding(text: Shown, number: int, verdict: Verdict, suppressed: Suppression | None) -> Finding:
    return Finding(
        check=Shown("acme.check"),
        subject=Shown(f"{text} {number}{' s' if suppressed else ''}"),
        verdict=verdict,
        message=text,
        service=text,
        role=text,
        observed=1.5,
        limit=2,
        unit=text,
        runbook=text,
        next_steps=(text, text),
        why=text,
        advisory=number % 2 == 1,
        suppressed=suppressed,
    )


def record(found: Sequence[Finding], text: str = "", *, raw: bool = False) -> RunRecord:
    """A record of live services that is broken by these."""
    shown = Shown(text) if raw else printable(text)
    server = ServerRecord(product=shown, version=shown, mode=shown, run_id=shown)
    service = ServiceRecord(
        name=Shown(f"queue {shown}"), role=shown, address=shown, window_s=1, server=server
    )
    return replace(
        RECORD,
        findings=tuple(found),
        announcement=shown or None,
        services=(service,),
        queues=(),
        unwritten=(shown,) if shown else (),
        outcome=ExitCode.BROKEN,
        exit_code=ExitCode.BROKEN,
        timeline=None,
    )


def hostile(*, raw: bool) -> RunRecord:
    """One record with all of them; `raw`: as if nothing had made them printable before."""
    return record(findings(HOSTILE, raw=raw), HOSTILE[0], raw=raw)


def huge() -> RunRecord:
    """1,000 findings with a message of 8 kB each, all different."""
    template = findings(["x"])[2]
    many = [
        replace(
            template,
            subject=Shown(f"queue-{number}-{'é' * 300}"),
            service=Shown(f"service-{number}"),
            verdict=(Verdict.FAIL, Verdict.WARN, Verdict.UNKNOWN, Verdict.PASS)[number % 4],
            message=Shown(f"{number} {'<é|`@x> ' * 1000}"),
            next_steps=(Shown("y" * 8000),) * 20,
            suppressed=None,
        )
        for number in range(1000)
    ]
    return record(many)
