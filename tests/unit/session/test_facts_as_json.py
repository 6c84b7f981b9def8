"""Facts that were saved are the same facts: for every type of them, and for every check."""

import dataclasses
import datetime as dt
import enum
import json
import math
import typing
from array import array
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redis_runbook.alerts.probes import PrometheusAnswers
from redis_runbook.config.plugins import own_plugins
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.clients import ClientsFacts
from redis_runbook.probes.latency.sample import LatencyFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.probes.slowlog import SlowlogFacts
from redis_runbook.redact import KNOWN, MASK, Shown, document, masked, sentence
from redis_runbook.session.decoding import decode
from redis_runbook.session.encoding import Encoder
from redis_runbook.session.evidence import _outcome
from redis_runbook.session.masks import Masks
from redis_runbook.session.saved import MAX_BYTES, SavedRun
from redis_runbook.session.typed import (
    COLLECTIONS,
    Array,
    bytes_as_text,
    each_type,
    fields_of,
    parts,
    text_as_bytes,
)
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.json import most_elements
from tests.support.check_cases import CASES, HEALTHY, Case
from tests.unit.checks.test_checks import judged

PROBES = [*own_plugins().probes.values()]
SAVED = [probe for probe in PROBES if probe.facts is not PrometheusAnswers]
NUMBERS = st.integers(0, 10**12)


def through_a_file(hint: Any, value: Any) -> Any:
    encoder = Encoder(mask=Masks().text)
    text = json.dumps(encoder.encode(hint, value), allow_nan=False)
    assert len(text) <= encoder.characters
    assert most_elements(text) <= encoder.elements
    return decode(hint, json.loads(text))


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type that facts have; a text is one that holds no secret."""
    origin, inside = parts(hint)
    if origin is typing.Union:
        return st.one_of(*map(any_of, inside))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        type(None): st.none(),
        bool: st.booleans(),
        int: NUMBERS,
        float: st.floats(-1e19, 1e19),
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        Shown: st.text("abcü:…", max_size=9).map(Shown),
        bytes: st.binary(max_size=9),
        dt.datetime: st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2199, 12, 31)).map(  # noqa: DTZ001
            lambda moment: moment.replace(tzinfo=dt.UTC)
        ),
        Array: st.lists(st.floats(-1024, 1024, width=32)).map(lambda some: array("f", some)),
        CannotLook: st.text("abc", min_size=1).map(CannotLook),
    }
    if hint in simple:
        return simple[hint]
    if origin is Literal:
        return st.sampled_from(inside)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from([*hint])
    if origin is Mapping:
        return st.dictionaries(any_of(inside[0]), any_of(inside[1]), max_size=3)
    if origin in COLLECTIONS:
        fixed = len(inside) > 1 and inside[-1] is not Ellipsis
        if fixed:
            return st.tuples(*map(any_of, each_type(inside, inside)))
        several = st.lists(any_of(inside[0]), max_size=3)
        return several.map(frozenset if origin is frozenset else tuple)
    return st.builds(hint, **{name: any_of(kind) for name, kind in fields_of(hint).items()})


def same(one: Any, other: Any) -> bool:
    """Whether two facts are the same; an exception is the same by its words."""
    if isinstance(one, CannotLook):
        return isinstance(other, CannotLook) and str(one) == str(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one == other)


def test_all_facts_are_saved_but_for_an_api_that_is_open() -> None:
    assert [probe.name for probe in PROBES if probe not in SAVED] == ["prometheus"]
    fields = {"api": object(), "clock": None, "implied": None, "series": {}, "started": None}
    answers = PrometheusAnswers(**fields)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="JsonApi cannot be saved"):
        Encoder(mask=masked).encode(PrometheusAnswers, answers)


@pytest.mark.parametrize("probe", SAVED, ids=lambda probe: probe.name)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_facts_of_every_type_come_back_as_they_were(probe: Probe, data: st.DataObject) -> None:
    facts = data.draw(any_of(probe.facts))
    assert same(facts, through_a_file(probe.facts, facts))


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(run=any_of(SavedRun))
def test_so_does_what_is_saved_of_the_run(run: SavedRun) -> None:
    assert same(run, through_a_file(SavedRun, run))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_check_rules_the_same_on_facts_that_were_saved(case: Case) -> None:
    kinds = {probe.name: probe.facts for probe in PROBES}
    given_ = {
        name: dataclasses.replace(HEALTHY[name], **facts) if isinstance(facts, dict) else facts
        for name, facts in {**HEALTHY, **case.facts}.items()
    }
    saved = {
        name: through_a_file(kinds[name], facts) for name, facts in given_.items() if name in kinds
    }
    again = dataclasses.replace(case, facts={**case.facts, **saved})
    assert judged(again) == judged(case)


@given(st.binary())
def test_bytes_that_are_no_text_come_back(raw: bytes) -> None:
    text = bytes_as_text(raw)
    text.encode()
    assert text_as_bytes(text) == raw


def test_a_number_that_json_has_not_is_not_saved() -> None:
    with pytest.raises(ValueError, match="not a number"):
        Encoder(mask=masked).encode(float, math.inf)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (ClientsFacts, {"connected": 1, "maxclients": 1, "rejected": True}),
        (ClientsFacts, {"connected": 1, "maxclients": 1, "rejected": 1.5}),
        (ClientsFacts, {"connected": 1, "maxclients": 1, "rejected": 2**64 + 1}),
        (ClientsFacts, {"connected": 1, "maxclients": 1}),
        (ClientsFacts, {"connected": 1, "maxclients": 1, "rejected": 1, "more": 1}),
        (ClientsFacts, [1, 1, 1]),
        (ClientsFacts, None),
        (float, "1.5"),
        (float, 10**400),
        (float, 1e300),
        (float, math.inf),
        (Shown, "x" * 10_000),
        (Array, "d:00"),
        (Array, "d:000000000000f07f"),
        (Array, "q:0000000000000000"),
        (Array, "d:" + "zz" * 8),
        (dt.datetime, "2026-01-01T00:00:00"),
        (tuple[int, int], [1, 2, 3]),
        (Mapping[int, int], {"1": 1}),
        (CannotLook, {"cannot_look": 1, "follows_from": None}),
        (SlowlogFacts, {"entries": "none"}),
    ],
)
def test_what_is_none_of_the_type_is_refused(hint: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(hint, value)


def test_the_reason_names_the_field_and_quotes_nothing() -> None:
    with pytest.raises(ValueError, match=r"\AClientsFacts\.rejected: is not an integer\Z"):
        decode(ClientsFacts, {"connected": 1, "maxclients": 1, "rejected": "planted"})


def test_facts_that_cannot_be_had_or_saved_have_a_sentence_in_their_place() -> None:
    def saved(outcome: object, characters: int = 0) -> str:
        encoder = Encoder(mask=masked, characters=characters)
        said = decode(CannotLook, _outcome("clients", ClientsFacts, outcome, encoder))
        assert encoder.characters - characters < 1_000
        return str(said)

    assert saved(CannotLook("it is down")) == "it is down"
    failed = "the probe clients failed (ValueError): nothing was determined"
    assert saved(ValueError("planted")) == failed
    facts = ClientsFacts(connected=1, maxclients=1, rejected=1)
    assert saved(facts, MAX_BYTES) == "the facts of clients were not saved: they are too large"
    infinite = dataclasses.replace(facts, connected=math.inf)  # type: ignore[arg-type]
    assert saved(infinite).endswith("were not saved: they cannot be written (ValueError)")


# What is a secret


def test_texts_that_are_redacted_alike_stay_apart() -> None:
    masks = Masks()
    first, second = masks.text("token:refresh"), masks.text("token:revoke")
    assert (first, second) == (f"token:{MASK}", f"token:{MASK} (2)")
    assert masks.text("token:refresh") == first
    assert masks.text("render") == "render"


@pytest.mark.timeout(10)
def test_texts_are_numbered_that_would_be_redacted_to_their_end() -> None:
    masks, key = Masks(), "-----BEGIN PRIVATE KEY-----"
    assert masks.text(f"{key}one") == f"{key}{MASK}"
    assert masks.text(f"{key}another") == f"{key}{MASK} (2)"


@pytest.mark.parametrize("name", [b"token:refresh", b"\xff token=abc", b"token=" + b"x" * 500])
def test_a_queue_with_a_secret_in_its_name_has_one_title_everywhere(name: bytes) -> None:
    queue = Queue(prefix=b"bull", name=name)
    masks = Masks()
    masks.learn([queue])
    encoder = Encoder(mask=masks.text)
    found = Discovery(queues=(queue,), absent=(), elsewhere={queue: "MOVED"})
    written = json.loads(json.dumps(encoder.encode(Discovery, found)))
    (back,) = decode(Discovery, written).queues
    assert back.title == masks.text(queue.title)
    assert back.configured_as == masks.text(queue.configured_as)
    assert MASK in back.title
    assert {*decode(Discovery, written).elsewhere} == {back}


def test_no_text_of_facts_keeps_a_known_secret() -> None:
    KNOWN.forget()
    KNOWN.learn(["hunter2-planted"])
    try:
        encoder = Encoder(mask=Masks().text)
        written = json.dumps(
            [
                encoder.encode(str, "a hunter2-planted b"),
                encoder.encode(bytes, b"hunter2-planted"),
                encoder.encode(Shown, sentence("hunter2-planted")),
                # It was made before the secret was known.
                encoder.encode(Mapping[Shown, Shown], {Shown("hunter2-planted"): Shown("x")}),
                encoder.encode(Shown, Shown("a hunter2-planted b")),
                encoder.encode(CannotLook, CannotLook("hunter2-planted")),
                encoder.encode(Mapping[str, str], {"hunter2-planted": "x"}),
            ]
        )
        read = decode(Shown, "hunter2-planted")
    finally:
        KNOWN.forget()
    assert "planted" not in written
    assert read == MASK


def test_words_of_ours_are_no_secrets_where_they_are_a_password() -> None:
    """A role that was masked would be another role."""
    KNOWN.forget()
    KNOWN.learn(["master"])
    try:
        assert decode(Shown, Encoder(mask=document).encode(Shown, Shown("master"))) == "master"
    finally:
        KNOWN.forget()


def test_a_long_window_of_samples_is_short_in_a_file() -> None:
    facts = dataclasses.replace(HEALTHY["latency"], samples_ms=array("d", [0.1] * 120_000))
    encoder = Encoder(mask=document)
    text = json.dumps(encoder.encode(LatencyFacts, facts))
    assert len(text) < 3_000_000
    assert encoder.elements < 100
