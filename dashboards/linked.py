"""A map and a matrix of the same records, side by side: `panel serve dashboards/linked.py --args POINTS MATRIX`."""

import sys

import bigview as bv
from bigview.app.linked import linked_page
from bigview.app.matrixpages import title_of

if len(sys.argv) < 3:
    sys.exit("Name a store of points and a matrix: panel serve dashboards/linked.py --args POINTS MATRIX")

points, matrix = bv.open(sys.argv[1]), bv.open(sys.argv[2])
linked_page(points, matrix).servable(title=f"{title_of(points)} · {title_of(matrix)}")
