"""The parser of the command line: an error names what was probably meant, and no secret."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from redis_runbook.verdict import ExitCode
from redis_runbook.words import counted


def _option(argument: str) -> str:
    """The name of an option, without its value, which may be a secret: `-p` of `-phunter2`."""
    if argument.startswith("--"):
        return argument.partition("=")[0]
    return argument[:2] if argument.startswith("-") else ""


class Parser(argparse.ArgumentParser):
    """A parser that names the option, the command or the choice that was probably meant."""

    def __init__(self, **options: Any) -> None:
        """Create it, as argparse does."""
        super().__init__(**options)
        self.set_defaults(parser=self)  # that of the command, which has its options

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The options; what is unknown ends the program, by the parser that has a command's."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parsed.parser._refuse(unknown)  # noqa: SLF001  # another one of this class
        return parsed

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        from redis_runbook.config.nearest import nearest  # noqa: PLC0415  # only for errors

        names = list(filter(None, map(_option, unknown)))
        known = filter(None, (nearest(name, self._option_string_actions) for name in names))
        meant = " and ".join(dict.fromkeys(known))
        hint = f"; the nearest {'are' if ' ' in meant else 'is'} {meant}" if meant else ""
        values = counted(len(unknown) - len(names), "value that is", "values that are")
        others = f"{values} not shown" if len(unknown) > len(names) else ""
        self.error(f"unrecognized arguments: {', '.join(filter(None, [*names, others]))}{hint}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            from redis_runbook.config.nearest import the_nearest_is  # noqa: PLC0415  # as above

            error.message += the_nearest_is(str(value), map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, without secrets, and end with the code for bad usage."""
        from redis_runbook.redact import Redactor, environment_secrets  # noqa: PLC0415

        self.print_usage(sys.stderr)
        # The message quotes the arguments, and a URL may be among them.
        self.exit(ExitCode.USAGE, f"{self.prog}: {Redactor(environment_secrets())(message)}\n")
