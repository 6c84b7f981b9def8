"""Whether Grafana has the dashboards, and whether what their panels ask is answered."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from pydantic import Field, RootModel

from redis_runbook.redact import harmless
from redis_runbook.wire.http import FetchError
from redis_runbook.wire.json import Answer, JsonApi

_NO_ACCESS: Final = frozenset({401, 403})
_MEANINGS: Final[Mapping[int | None, str]] = {
    401: "is for those who log in",
    403: "is not for this user",
    404: "is not there",
}
_MOST_SOURCES: Final = 10
_VARIABLE: Final = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
_ANY_QUERY: Final = "vector(1)"
_DEFAULT: Final = frozenset({None, "", "default"})
# Panels that show what Grafana itself has, or several sources, each named by its own query.
_BUILT_IN: Final = frozenset({"grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardFacts:
    """One dashboard; `problems` are sentences about what is broken, `doubts` about what is unknown.

    `answered` are the data sources that answered one of its queries.
    """

    title: str
    problems: Sequence[str] = ()
    doubts: Sequence[str] = ()
    answered: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaFacts:
    """The dashboards that were looked for, in that order."""

    dashboards: Sequence[DashboardFacts]


class _Hit(Answer):
    uid: str
    title: str


class _Hits(RootModel[tuple[_Hit, ...]]):
    pass


class _Reference(Answer):
    """How a panel names its data source: today; earlier by name alone."""

    type: str | None = None
    uid: str | None = None


_Source = _Reference | str | None


class _Target(Answer):
    datasource: _Source = None
    expr: str = ""


class _Panel(Answer):
    datasource: _Source = None
    targets: tuple[_Target, ...] = ()
    panels: "tuple[_Panel, ...]" = ()


class _Variable(Answer):
    """A variable of a dashboard; of one that stands for a data source, `query` is its type."""

    class Current(Answer):
        value: object = None

    name: str = ""
    type: str = ""
    query: object = None
    current: Current | None = None

    @property
    def chosen(self) -> str | None:
        """What was chosen last, and saved; None where Grafana chooses."""
        value = self.current.value if self.current else None
        return value if isinstance(value, str) and value not in {"", "default"} else None


class _Dashboard(Answer):
    class Model(Answer):
        class Templating(Answer):
            list: tuple[_Variable, ...] = ()

        panels: tuple[_Panel, ...] = ()
        templating: Templating = Templating()

    dashboard: Model


class _Settings(Answer):
    class Source(Answer):
        uid: str = ""
        type: str = ""

    datasources: dict[str, Source] = Field(default_factory=dict)
    default_datasource: str = ""


class _Queried(Answer):
    status: Literal["success", "OK"]


class _Known(NamedTuple):
    """A data source that a query can be sent to."""

    uid: str
    type: str


def observe_grafana(api: JsonApi, titles: Sequence[str]) -> GrafanaFacts:
    """Look for each dashboard, and let each of its data sources answer a query of its panels.

    Raises:
        FetchError: the search is not answered.
    """
    found = []
    for title in titles:
        hits = api.get("api/search", _Hits, query=title, type="dash-db").root
        uids = [hit.uid for hit in hits if hit.title.strip().casefold() == title.strip().casefold()]
        found.append(_dashboard(api, title, uids))
    return GrafanaFacts(dashboards=found)


def _dashboard(api: JsonApi, title: str, uids: Sequence[str]) -> DashboardFacts:
    if not uids:
        return DashboardFacts(
            title=title, problems=[f'there is no dashboard "{title}" that its user may see']
        )
    try:
        model = api.get(f"api/dashboards/uid/{quote(uids[0], safe='')}", _Dashboard).dashboard
    except FetchError as error:
        return _told(title, f'the dashboard "{title}"', error)
    queries = dict.fromkeys(_queries(model.panels))
    if not queries:
        return DashboardFacts(title=title, problems=[f'no panel of "{title}" asks for anything'])
    variables = {one.name: one for one in model.templating.list if one.type == "datasource"}
    return _sources(api, title, list(queries), variables)


def _queries(panels: Sequence[_Panel]) -> Iterator[tuple[_Source, str]]:
    """Each data source with what is asked of it; a collapsed row holds panels of its own."""
    for panel in panels:
        for target in panel.targets:
            yield target.datasource or panel.datasource, target.expr
        yield from _queries(panel.panels)


def _sources(
    api: JsonApi,
    title: str,
    queries: Sequence[tuple[_Source, str]],
    variables: Mapping[str, _Variable],
) -> DashboardFacts:
    """Ask each data source once, a query without variables where it has one."""
    directory = _Directory(api, variables)
    questions: dict[_Known, str] = {}
    problems: dict[str, None] = {}
    for source, expression in queries:
        try:
            known = directory.find(source)
        except FetchError as error:
            return _told(title, "its list of data sources", error)
        except LookupError as error:
            problems[f'"{title}" {error}'] = None
            continue
        if known:
            plain = expression if expression and "$" not in expression else _ANY_QUERY
            if questions.get(known, _ANY_QUERY) == _ANY_QUERY:
                questions[known] = plain
    answered: list[str] = []
    doubts: list[str] = []
    for known, query in list(questions.items())[:_MOST_SOURCES]:
        name = f'the data source {harmless(known.uid)} of "{title}"'
        try:
            _ask(api, known, query)
        except FetchError as error:
            told = _told(title, name, error)
            problems |= dict.fromkeys(told.problems)
            doubts += told.doubts
        else:
            answered.append(harmless(known.uid))
    if not answered and not problems and not doubts:
        problems[f'no panel of "{title}" asks a data source'] = None
    return DashboardFacts(title=title, problems=list(problems), doubts=doubts, answered=answered)


class _Directory:
    """Finds the data source that is meant; Grafana's list of them is read where it is needed."""

    def __init__(self, api: JsonApi, variables: Mapping[str, _Variable]) -> None:
        self._api = api
        self._variables = variables

    @functools.cached_property
    def _settings(self) -> _Settings:
        return self._api.get("api/frontend/settings", _Settings)

    def find(self, source: _Source) -> _Known | None:
        """None for what Grafana itself provides.

        Raises:
            LookupError: there is no such data source; a predicate of the dashboard.
            FetchError: Grafana's list cannot be read.
        """
        uid, kind = (source.uid, source.type) if isinstance(source, _Reference) else (source, None)
        if uid in _BUILT_IN or kind == "datasource":
            return None
        if uid and (match := _VARIABLE.fullmatch(uid)):
            return self._of_variable(match[1])
        if uid and kind:
            return _Known(uid, kind)
        return self._called(self._settings.default_datasource if uid in _DEFAULT else uid or "")

    def _of_variable(self, name: str) -> _Known | None:
        variable = self._variables.get(name)
        if variable is None:
            raise LookupError(
                f"asks ${{{harmless(name)}}}, which nothing stands for: import it anew"
            )
        if variable.chosen:
            return self._called(variable.chosen)
        settings = self._settings
        fitting = {
            name: _Known(one.uid, one.type)
            for name, one in settings.datasources.items()
            if one.type == variable.query
        }
        if not fitting:
            raise LookupError(f"asks a {harmless(str(variable.query))}, and Grafana has none")
        return fitting.get(settings.default_datasource) or next(iter(fitting.values()))

    def _called(self, name: str) -> _Known | None:
        for known, one in self._settings.datasources.items():
            if name in {known, one.uid}:
                return None if one.uid in _BUILT_IN else _Known(one.uid, one.type)
        raise LookupError(
            f"asks the data source {harmless(name) or '(default)'}, which is not there"
        )


def _ask(api: JsonApi, source: _Known, query: str) -> None:
    """One query by the data source's own API, or its health where we do not know its language."""
    uid = quote(source.uid, safe="")
    if source.type == "prometheus":
        api.get(f"api/datasources/proxy/uid/{uid}/api/v1/query", _Queried, query=query)
    else:
        api.get(f"api/datasources/uid/{uid}/health", _Queried)


def _told(title: str, what: str, error: FetchError) -> DashboardFacts:
    """What Grafana refuses is broken for everybody; where it is not asked rightly, who knows."""
    sentence = f"{what} {_MEANINGS.get(error.status, 'is not answered')}: Grafana {error}"
    if error.status is None or error.status in _NO_ACCESS:
        return DashboardFacts(title=title, doubts=[sentence])
    return DashboardFacts(title=title, problems=[sentence])
