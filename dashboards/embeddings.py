"""The explorer of a store, for `panel serve dashboards/embeddings.py --args STORE`."""

import sys

import bigview as bv
from bigview.app.matrixpages import title_of
from bigview.app.server import explorer_page

if len(sys.argv) < 2:
    sys.exit("Name a store: panel serve dashboards/embeddings.py --args STORE")

store = bv.open(sys.argv[1])
explorer_page(store).servable(title=title_of(store))
