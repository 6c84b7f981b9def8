"""Looks for dashboards in Grafana, and queries the data sources of their panels."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from pydantic import Field, RootModel

from redis_runbook.redact import Shown, harmless
from redis_runbook.wire.http import FetchError
from redis_runbook.wire.json import Answer, JsonApi
from redis_runbook.words import counted

_NO_ACCESS: Final = frozenset({401, 403})
_MEANINGS: Final[Mapping[int | None, str]] = {
    401: "is for those who log in",
    403: "is not for this user",
    404: "is not there",
}
_MAX_SOURCES: Final = 10
_VARIABLE: Final = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
_ANY_QUERY: Final = "vector(1)"
_DEFAULT: Final = frozenset({None, "", "default"})
# Not data sources of their own: Grafana's built-in data, and panels with a source per query.
_BUILT_IN: Final = frozenset({"grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardFacts:
    """One dashboard; `problems` are sentences about what is broken, `doubts` about what is unknown.

    `answered` are the data sources that answered a query of the dashboard.
    """

    title: str
    problems: Sequence[str] = ()
    doubts: Sequence[str] = ()
    answered: Sequence[Shown] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaFacts:
    """The configured dashboards, in the order of the configuration."""

    dashboards: Sequence[DashboardFacts]


class _Hit(Answer):
    uid: str
    title: str


class _Hits(RootModel[tuple[_Hit, ...]]):
    pass


class _Reference(Answer):
    """A panel's data source; old versions of Grafana have only a name instead."""

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
    """A variable of a dashboard; if it stands for a data source, `query` is the source's type."""

    class Current(Answer):
        value: object = None

    name: str = ""
    type: str = ""
    query: object = None
    current: Current | None = None

    @property
    def chosen(self) -> str | None:
        """The saved choice; None if Grafana chooses."""
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


class _DataSource(NamedTuple):
    """A data source that a query can be sent to."""

    uid: str
    type: str


def observe_grafana(api: JsonApi, titles: Sequence[str]) -> GrafanaFacts:
    """Look for each dashboard, and let each of its data sources answer a query of its panels.

    Raises:
        FetchError: Grafana does not answer the search.
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
        return _not_answered(title, f'the dashboard "{title}"', error)
    queries = dict.fromkeys(_queries(model.panels))
    if not queries:
        return DashboardFacts(title=title, problems=[f'no panel of "{title}" asks for anything'])
    variables = {
        variable.name: variable
        for variable in model.templating.list
        if variable.type == "datasource"
    }
    return _sources(api, title, list(queries), variables)


def _queries(panels: Sequence[_Panel]) -> Iterator[tuple[_Source, str]]:
    """Each data source with its query; a collapsed row holds panels of its own."""
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
    """Query each data source once, with a query of a panel that has no variables if possible."""
    directory = _Directory(api, variables)
    questions: dict[_DataSource, str] = {}
    problems: dict[str, None] = {}
    for source, expression in queries:
        try:
            known = directory.find(source)
        except FetchError as error:
            return _not_answered(title, "its list of data sources", error)
        except LookupError as error:
            problems[f'"{title}" {error}'] = None
            continue
        if known:
            plain = expression if expression and "$" not in expression else _ANY_QUERY
            if questions.get(known, _ANY_QUERY) == _ANY_QUERY:
                questions[known] = plain
    return _ask_sources(api, title, questions, problems)


def _ask_sources(
    api: JsonApi, title: str, questions: Mapping[_DataSource, str], problems: dict[str, None]
) -> DashboardFacts:
    answered: list[Shown] = []
    doubts: list[str] = []
    for known, query in list(questions.items())[:_MAX_SOURCES]:
        name = f'the data source {harmless(known.uid)} of "{title}"'
        try:
            _ask(api, known, query)
        except FetchError as error:
            failure = _not_answered(title, name, error)
            problems |= dict.fromkeys(failure.problems)
            doubts += failure.doubts
        else:
            answered.append(harmless(known.uid))
    if (unasked := len(questions) - _MAX_SOURCES) > 0:
        were = "was" if unasked == 1 else "were"
        doubts.append(f'{counted(unasked, "data source")} more of "{title}" {were} not asked')
    if not answered and not problems and not doubts:
        problems[f'no panel of "{title}" asks a data source'] = None
    return DashboardFacts(title=title, problems=list(problems), doubts=doubts, answered=answered)


class _Directory:
    """Finds data sources by reference; Grafana's list of them is read only if needed."""

    def __init__(self, api: JsonApi, variables: Mapping[str, _Variable]) -> None:
        self._api = api
        self._variables = variables

    @functools.cached_property
    def _settings(self) -> _Settings:
        return self._api.get("api/frontend/settings", _Settings)

    def find(self, source: _Source) -> _DataSource | None:
        """The data source of a panel; None if Grafana itself provides the data.

        Raises:
            LookupError: there is no such data source; the text continues a sentence that begins
                with the dashboard.
            FetchError: Grafana's list cannot be read.
        """
        uid, kind = (source.uid, source.type) if isinstance(source, _Reference) else (source, None)
        if uid in _BUILT_IN or kind == "datasource":
            return None
        if uid and (match := _VARIABLE.fullmatch(uid)):
            return self._of_variable(match[1])
        if uid and kind:
            return _DataSource(uid, kind)
        return self._by_name(self._settings.default_datasource if uid in _DEFAULT else uid or "")

    def _of_variable(self, name: str) -> _DataSource | None:
        variable = self._variables.get(name)
        if variable is None:
            raise LookupError(
                f"asks ${{{harmless(name)}}}, which nothing stands for: import it anew"
            )
        if variable.chosen:
            return self._by_name(variable.chosen)
        settings = self._settings
        candidates = {
            name: _DataSource(source.uid, source.type)
            for name, source in settings.datasources.items()
            if source.type == variable.query
        }
        if not candidates:
            raise LookupError(f"asks a {harmless(str(variable.query))}, and Grafana has none")
        return candidates.get(settings.default_datasource) or next(iter(candidates.values()))

    def _by_name(self, name: str) -> _DataSource | None:
        for known_name, source in self._settings.datasources.items():
            if name in {known_name, source.uid}:
                return None if source.uid in _BUILT_IN else _DataSource(source.uid, source.type)
        raise LookupError(
            f"asks the data source {harmless(name) or '(default)'}, which is not there"
        )


def _ask(api: JsonApi, source: _DataSource, query: str) -> None:
    """Query a Prometheus data source; ask any other type for its health."""
    uid = quote(source.uid, safe="")
    if source.type == "prometheus":
        api.get(f"api/datasources/proxy/uid/{uid}/api/v1/query", _Queried, query=query)
    else:
        api.get(f"api/datasources/uid/{uid}/health", _Queried)


def _not_answered(title: str, what: str, error: FetchError) -> DashboardFacts:
    """A doubt if Grafana was not reached or refused our login; a problem for any other error."""
    sentence = f"{what} {_MEANINGS.get(error.status, 'is not answered')}: Grafana {error}"
    if error.status is None or error.status in _NO_ACCESS:
        return DashboardFacts(title=title, doubts=[sentence])
    return DashboardFacts(title=title, problems=[sentence])
