"""The page around the map, as a component: plain values go out, messages come back."""

import panel as pn
import param

from bigview.app.component import HERE, Component


class Stage(Component):
    """The page around the map. It takes plain values; explorer.js shows them as text."""

    alike = param.Dict(default={}, doc="What others may have in common with the record that was clicked.")
    answer = param.Dict(default={}, doc="What came of looking for others like it.")
    charts = pn.custom.Child(default=None, allow_None=True, doc="Charts beside the map, once they were opened.")
    chips = param.Dict(default={}, doc="Filters in force, and whether there is something to undo or redo.")
    controls = pn.custom.Child(doc="The widgets of the upper card.")
    facts = param.Dict(default={}, doc="Title, note, label, whether dark, whether it fills the page.")
    filters = pn.custom.Child(default=None, allow_None=True, doc="A control for every column, once it was opened.")
    gallery = pn.custom.Child(default=None, allow_None=True, doc="Images of the records, once they were opened.")
    hover = param.Dict(default={}, doc="The record under the pointer.")
    legend = param.Dict(default={}, doc="Categories by rank, or a colour bar.")
    link = param.Dict(default={}, doc="The link to what is shown, and whether it is a jump.")
    map = pn.custom.Child(doc="The map.")
    opened = param.List(default=[], item_type=str, doc="Names of the panels that are open.")
    panels = param.List(default=["filters", "table", "charts", "saved"], item_type=str, doc="Names of the panels that can be opened, in order.")
    pictures = param.List(default=[], item_type=dict, doc="Images of the record that was clicked.")
    record = param.Dict(default={}, doc="The record that was clicked.")
    saved = pn.custom.Child(default=None, allow_None=True, doc="Saved selections, once they were opened.")
    sketch = param.String(default="", doc="What is not exact in the picture; empty where all is.")
    status = param.Dict(default={}, doc="Rows in view, rows in all, one sentence, an error.")
    table = pn.custom.Child(default=None, allow_None=True, doc="The records, once they were opened.")

    _esm = HERE / "explorer.js"
    _parts = ("record.js", "legend.js")
    _render_policy = "manual"  # a panel that opens is put into its place; otherwise Panel would make the whole page anew, and the map with it
    _stylesheets = (str(HERE / "explorer.css"), str(HERE / "record.css"))
