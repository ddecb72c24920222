"""bigview: explore hundreds of millions of points on an ordinary machine."""

__version__ = "0.1.0"
