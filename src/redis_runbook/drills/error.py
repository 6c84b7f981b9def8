"""Why a drill cannot be run."""


class CannotDrillError(Exception):
    """A drill cannot be run here; the text says what is missing."""
