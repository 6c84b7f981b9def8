"""Probes observe one thing each and return facts; they know no limits and no pytest."""


class CannotLook(Exception):  # noqa: N818  # it is an outcome, not a fault of the program
    """A probe could not observe.

    Its text is one sentence for the user ("no permission for SLOWLOG GET on cache"): it becomes
    the message of every check that needed the facts, with the verdict `unknown`. It never holds
    raw bytes from a server, nor a secret.
    """
