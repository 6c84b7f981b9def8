"""One thing that was measured, and the bound that it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A number that must not exceed its bound; a ratio or a count has no `unit`.

    `detail` is what the number was made from, `how` a clause that tells how it was measured.
    """

    what: str
    value: float
    bound: float
    unit: str = ""
    digits: int = 0
    detail: str
    how: str

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        return self.value <= self.bound

    @property
    def shown(self) -> str:
        """The number as the page shows it."""
        return self._quantity(self.value)

    @property
    def bound_shown(self) -> str:
        """The bound as the page shows it."""
        return self._quantity(self.bound)

    def _quantity(self, number: float) -> str:
        return f"{number:.{self.digits}f} {self.unit}".strip()
