"""Writes a page in docs/checks for each check, and README's table, from catalogue and docstrings.

`python tools/docs.py` writes them; `python tools/docs.py --check` fails if they are out of date.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from redis_runbook.catalogue import CATALOGUE, CheckSpec, Level
from redis_runbook.config.roles import ROLES
from redis_runbook.session.next_steps import steps_in

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = ROOT / "docs" / "checks"
README: Final = ROOT / "README.md"
_SCOPES: Final = {
    "service": "each service",
    "jwt_cache": "the service that `[jwt_cache]` names",
    "exporter": "each service, as its exporter sees it",
    "bullmq": "each BullMQ queue of a service with the role `queue`",
    "prometheus": "the Prometheus that `[prometheus]` names",
    "alert": "each alert of the runbook, as the Prometheus that `[prometheus]` names recorded it",
    "grafana": "the Grafana that `[grafana]` names",
    "command": "each command that `[commands.NAME]` names",
    "container": "each entry of `[containers]`",
    "worker": "each entry of `[containers]` that is a worker",
}
_NAMES: Final = """\
Where a page says what to do next, `SERVICE` is what the finding is about, `EXPORTER` and `WORKERS`
are what `[containers]` has for it, and `NAME` is the queue. Findings have your own names, and what
`[operator] compose` says in the place of `docker compose`.
"""
_PART: Final = re.compile(r"^(Passes when|Fails when|Why:|Next:)\s*", re.MULTILINE)
_PAGE_COMMENT: Final = "<!-- Made by tools/docs.py from the check's docstring: change it there. -->"
_TABLE_BEGINS: Final = (
    "<!-- Made by tools/docs.py from the checks' docstrings: change it there. -->"
)
_TABLE_ENDS: Final = "<!-- Here ends what tools/docs.py made. -->"


def docstrings() -> dict[str, tuple[str, str]]:
    """The file and the docstring of each check, by id."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((ROOT / "checks").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for check_id in _ids(node):
                    found[check_id] = f"checks/{path.name}", ast.get_docstring(node) or ""
    return found


def _ids(node: ast.FunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="check"), args=[ast.Constant(value=str() as check_id)]):
                yield check_id


def parts(docstring: str) -> dict[str, str]:
    """The five parts of a check's docstring, each by how it begins; the invariant by nothing."""
    pieces = _PART.split(docstring)
    named = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return {name: " ".join(text.split()) for name, text in {"": pieces[0], **named}.items()}


def pages(found: Mapping[str, tuple[str, str]]) -> dict[Path, str]:
    """The text of every page, by path."""
    texts = {PAGES / f"{spec.id}.md": _page(spec, *found[spec.id]) for spec in CATALOGUE.values()}
    rows = "\n".join(
        f"| [`{spec.id}`]({spec.id}.md) | {parts(found[spec.id][1])['']} | {_level(spec)} |"
        for spec in CATALOGUE.values()
    )
    texts[PAGES / "README.md"] = (
        f"{_PAGE_COMMENT}\n\n# Checks\n\n{_NAMES}\n"
        f"| id | what must hold | level |\n|---|---|---|\n{rows}\n"
    )
    return texts


def with_table(text: str, found: Mapping[str, tuple[str, str]]) -> str:
    """README's text, with the table of all checks between its two comments.

    Raises:
        ValueError: the text does not have each comment once, in this order.
    """
    before, begin, rest = text.partition(_TABLE_BEGINS)
    _, end, after = rest.partition(_TABLE_ENDS)
    if not end or _TABLE_BEGINS in rest or _TABLE_ENDS in after:
        raise ValueError(f"README.md must hold {_TABLE_BEGINS} and {_TABLE_ENDS}, once each")
    rows = "\n".join(
        f"| [`{spec.id}`](docs/checks/{spec.id}.md) "
        f"| {_sentence(found[spec.id][1])} | {_broken(spec)} |"
        for spec in CATALOGUE.values()
    )
    table = f"| check | what must hold | broken |\n|---|---|---|\n{rows}"
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _sentence(docstring: str) -> str:
    """The first sentence of the invariant, without its full stop."""
    return parts(docstring)[""].partition(". ")[0].removesuffix(".")


def _next(text: str) -> str:
    """The next steps, as a list if they are several."""
    first, *others = steps = steps_in(text)
    if not others:
        return f"**Next:** {first}"
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
    return f"**Next**\n\n{numbered}"


def _page(spec: CheckSpec, file: str, docstring: str) -> str:
    part = parts(docstring)
    return f"""{_PAGE_COMMENT}

# `{spec.id}`

{part[""]}

| | |
|---|---|
| runs for | {_runs_for(spec)} |
| level | {_level(spec)} |
| observed in | {spec.unit or "nothing is measured"} |
| runbook | {spec.runbook}{_corrected(spec)}{_by_role(spec)} |
| source | [`{file}`](../../{file}) |

**Passes when** {part["Passes when"]}

**Fails when** {part["Fails when"]}

**Why it matters:** {part["Why:"]}

{_next(part["Next:"])}
"""


def _by_role(spec: CheckSpec) -> str:
    """Which section it is of a service that the runbook's scenario is not about."""
    general = spec.section_for("any other role")
    is_other = spec.scope == "service" and general != spec.runbook
    return f"; of a service of another role: {general}" if is_other else ""


def _corrected(spec: CheckSpec) -> str:
    if spec.scope != "bullmq":
        return ""
    where = "../guides/queue-findings.md#the-runbooks-commands-corrected"
    return f"; [the runbook's commands, corrected]({where})"


def _runs_for(spec: CheckSpec) -> str:
    if spec.scope == "role":
        roles = " or ".join(f"`{role.name}`" for role in ROLES.values() if spec.id in role.checks)
        return f"each service with the role {roles}"
    return _SCOPES[spec.scope]


def _level(spec: CheckSpec) -> str:
    return f"{spec.level}: `{_broken(spec)}`"


def _broken(spec: CheckSpec) -> str:
    return "fail" if spec.level is Level.INVARIANT else "warn"


def main() -> int:
    """Write the pages and the table, or with `--check` print which would change."""
    found = docstrings()
    if set(found) != set(CATALOGUE):
        unmatched = ", ".join(sorted(set(found) ^ set(CATALOGUE)))
        print(f"checks/ and the catalogue disagree about: {unmatched}", file=sys.stderr)
        return 1
    try:
        table = with_table(README.read_text(encoding="utf-8"), found)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    texts = {**pages(found), README: table}
    stale = [path for path in PAGES.glob("*.md") if path not in texts]
    drifted = [
        path
        for path, text in texts.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in (*stale, *drifted):
            print(f"{path.relative_to(ROOT)} is not what the docstrings say", file=sys.stderr)
        return 1 if stale or drifted else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
