"""Where the data is: rows in Morton order, levels of cells, filters as bits."""
