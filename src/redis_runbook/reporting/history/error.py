"""Why the history cannot be used."""


class HistoryError(Exception):
    """The history cannot be used; what is in it stays as it is.

    Its text continues a sentence that begins with the file ("it is locked"), and quotes nothing
    that is in it.
    """
