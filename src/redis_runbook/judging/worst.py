"""Makes one verdict of several."""

from collections.abc import Sequence

from redis_runbook.verdict import SEVERITY, Verdict

Judgement = tuple[Verdict, str]
"""A verdict, and the words that say why."""


def summed_up(judged: Sequence[Judgement]) -> Judgement:
    """The worst verdict, and the words of all that have it."""
    worst = min((verdict for verdict, _ in judged), key=SEVERITY.index)
    return worst, "; ".join(text for verdict, text in judged if verdict is worst)
