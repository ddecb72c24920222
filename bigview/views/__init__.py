"""From pixels to plots: the HoloViews interface, streams, hvPlot."""
