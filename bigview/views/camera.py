"""Where a map looks: ranges in plot coordinates, and what fitting, moving, zooming and resizing make of them. Pure."""

from dataclasses import dataclass, replace
from typing import Self

_CLOSEST = 1e-13  # of the largest coordinate: below this float64 has no more places to show


@dataclass(frozen=True)
class Camera:
    """The visible rectangle in plot coordinates."""

    x0: float
    x1: float
    y0: float
    y1: float

    @property
    def span(self) -> tuple[float, float]:
        """Width and height."""
        return self.x1 - self.x0, self.y1 - self.y0

    @classmethod
    def fitted(cls, home: Self, size: tuple[int, int], equal: bool, air: float = 0.04) -> Self:
        """Return the camera that shows `home` with some air around it; `equal` gives both axes one scale."""
        (width, height), (wide, high) = size, home.span
        wide, high = wide * (1 + 2 * air), high * (1 + 2 * air)
        if equal:
            unit = max(wide / max(width, 1), high / max(height, 1))
            wide, high = unit * width, unit * height
        return cls._around((home.x0 + home.x1) / 2, (home.y0 + home.y1) / 2, wide, high)

    @classmethod
    def _around(cls, x: float, y: float, wide: float, high: float) -> Self:
        wide = max(wide, abs(x) * _CLOSEST, 1e-300)
        high = max(high, abs(y) * _CLOSEST, 1e-300)
        return cls(x - wide / 2, x + wide / 2, y - high / 2, y + high / 2)

    def moved(self, right: float, up: float) -> Self:
        """Return the camera moved by shares of its own size."""
        wide, high = self.span
        return replace(self, x0=self.x0 + wide * right, x1=self.x1 + wide * right, y0=self.y0 + high * up, y1=self.y1 + high * up)

    def zoomed(self, factor: float) -> Self:
        """Return the camera that sees `1 / factor` of the width and height."""
        wide, high = self.span
        return self._around((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2, wide / factor, high / factor)

    def resized(self, old: tuple[int, int], new: tuple[int, int]) -> Self:
        """Return the camera of a window of another size at the same scale and centre."""
        wide, high = self.span
        return self._around((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2, wide * new[0] / max(old[0], 1), high * new[1] / max(old[1], 1))

    def same_scale(self, other: Self) -> bool:
        """Tell whether the other one differs by a shift only."""
        return all(abs(a - b) <= 1e-9 * max(abs(a), abs(b)) for a, b in zip(self.span, other.span, strict=True))
