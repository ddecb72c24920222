"""Where a map looks: ranges in plot coordinates, and what fitting, moving, zooming and resizing make of them. Pure."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Self

_CLOSEST = 1e-13  # of the largest coordinate: below this float64 has no more places to show

AIR = 0.04  # of the extent, on each side


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

    @property
    def sane(self) -> bool:
        """Whether this can be drawn: numbers in order, a finite way apart. A browser may send anything."""
        ends = (self.x0, self.x1, self.y0, self.y1)
        if not all(isinstance(end, (int, float)) for end in ends):
            return False
        return self.x0 < self.x1 and self.y0 < self.y1 and all(isfinite(span) for span in self.span)

    @classmethod
    def fitted(cls, home: Self, size: tuple[int, int], equal: bool, covered: tuple[int, int] = (0, 0), air: float = AIR) -> Self:
        """Return the camera that shows `home` with some air around it.

        Parameters
        ----------
        home : Camera
        size : (int, int)
            Width and height in pixels.
        equal : bool
            Give both axes one scale.
        covered : (int, int)
            Pixels at the left and at the top that something else lies on.
        air : float
            Space around it, as a share of its size on each side.
        """
        free = max(size[0] - covered[0], size[0] / 3, 1), max(size[1] - covered[1], size[1] / 3, 1)
        wide, high = (span * (1 + 2 * air) for span in home.span)
        units = wide / free[0], high / free[1]
        if equal:
            units = (max(units), max(units))
        x = (home.x0 + home.x1) / 2 - units[0] * (size[0] - free[0]) / 2
        y = (home.y0 + home.y1) / 2 + units[1] * (size[1] - free[1]) / 2
        return cls._around(x, y, units[0] * size[0], units[1] * size[1])

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

    def holding(self, size: tuple[int, int], equal: bool) -> Self:
        """Return the smallest camera of a window of this size that sees all of this one; this one itself where the proportions agree."""
        if not equal:
            return self
        wide, high = self.span
        unit = max(wide / size[0], high / size[1])
        if abs(unit * size[0] - wide) <= 1e-6 * wide and abs(unit * size[1] - high) <= 1e-6 * high:
            return self
        return self._around((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2, unit * size[0], unit * size[1])

    def centred(self, x: float, y: float) -> Self:
        """Return the camera of the same scale around a place."""
        return self._around(x, y, *self.span)

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a place is visible."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def same_scale(self, other: Self) -> bool:
        """Tell whether the other one differs by a shift only."""
        return all(abs(a - b) <= 1e-9 * max(abs(a), abs(b)) for a, b in zip(self.span, other.span, strict=True))

    def margins(self, before: Self, ahead: float) -> tuple[float, float, float, float]:
        """Return what a picture needs around it on the way from another camera: at the left, right, bottom and top, as shares of its size.

        Ahead most of all: it will be on the screen for the next steps of the pointer, too. The hand may turn, so there is a little on every side.
        """
        right, up = self.x0 - before.x0, self.y0 - before.y0
        most = max(abs(right) / self.span[0], abs(up) / self.span[1])
        around = ahead / 5

        def pair(step: float, span: float) -> tuple[float, float]:
            part = step / span / most if most else 0.0
            return around + (ahead - around) * max(0.0, -part), around + (ahead - around) * max(0.0, part)

        return *pair(right, self.span[0]), *pair(up, self.span[1])
