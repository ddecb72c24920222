"""The explorer of a matrix, for `panel serve dashboards/heatmap.py --args STORE`."""

import sys

import bigview as bv
from bigview.app.matrixpages import heatmap_page, title_of

if len(sys.argv) < 2:
    sys.exit("Name a store: panel serve dashboards/heatmap.py --args STORE")

store = bv.open(sys.argv[1])
heatmap_page(store).servable(title=title_of(store))
