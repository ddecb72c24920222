"""The page around a matrix, as a component: plain values go out, messages come back."""

import panel as pn
import param

from bigview.app.component import HERE, Component


class HeatStage(Component):
    """The page around the map of a matrix. It takes plain values; heatmap.js shows them as text."""

    box = param.Dict(default={}, doc="Runs of rows and columns that are selected, as places; empty where they are too many to be outlined.")
    controls = pn.custom.Child(doc="The widgets of the upper card.")
    cursor = param.Dict(default={}, doc="The cell that the keyboard is at, and what is said of it.")
    facts = param.Dict(default={}, doc="Title, note, label, whether dark, whether it fills the page, the axes, the name of the plot.")
    grid = param.Dict(default={}, doc="The window as a table.")
    hover = param.Dict(default={}, doc="The cell under the pointer.")
    legend = param.Dict(default={}, doc="Categories by rank, or a colour bar.")
    link = param.Dict(default={}, doc="The link to what is shown, and whether it is a jump.")
    map = pn.custom.Child(doc="The map.")
    names = param.Dict(default={}, doc="Names of rows and columns in and around the window, by place.")
    opened = param.List(default=[], item_type=str, doc="Names of the panels that are open.")
    profile = param.Dict(default={}, doc="What the selected rows and columns hold, and files of it.")
    rest = param.Dict(default={}, doc="What tells the selection from the rest: both distributions, and the lines that differ most.")
    said = param.Dict(default={}, doc="What is read aloud, and its turn: the same may be said again.")
    sides = param.Dict(default={}, doc="Trees, tracks and hits beside the map, for the view.")
    sketch = param.String(default="", doc="What is not exact in the picture; empty where all is.")
    sort = param.Dict(default={}, doc="By what rows and columns are sorted.")
    status = param.Dict(default={}, doc="Cells in view, cells in all, one sentence, an error.")
    swipe = param.Dict(default={}, doc="Names of the two matrices to swipe between, where the divider is, the source of the other picture.")
    texts = param.Dict(default={}, doc="Values that are written into their cells.")

    walk = param.Dict(default={}, doc="The branch of a tree that the keyboard is at.")
    work = param.Dict(default={}, doc="What is being worked on for long, and how much of it is done; it can be cancelled.")

    _esm = HERE / "heatmap.js"
    _parts = ("record.js", "legend.js", "heatnames.js", "heatpanels.js", "heatsides.js", "heatswipe.js")
    _render_policy = "manual"
    _stylesheets = (str(HERE / "explorer.css"), str(HERE / "heatmap.css"), str(HERE / "heatsides.css"), str(HERE / "heatswipe.css"))
