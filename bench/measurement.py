"""A measured value and its bound."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A number that must not exceed its bound; a ratio or a count has no `unit`.

    `detail` is what the number was computed from; `how` is a clause that says how it was measured.
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
        """Whether the value is within its bound."""
        return self.value <= self.bound

    @property
    def value_text(self) -> str:
        """The value with its unit."""
        return self._quantity(self.value)

    @property
    def bound_text(self) -> str:
        """The bound with its unit."""
        return self._quantity(self.bound)

    @property
    def summary(self) -> str:
        """One line with the value, its bound and the detail."""
        return f"{self.what}: {self.value_text} (bound {self.bound_text}; {self.detail})"

    def _quantity(self, number: float) -> str:
        return f"{number:.{self.digits}f} {self.unit}".strip()
