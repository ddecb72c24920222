"""How a store is made: sources, projection, sort, levels (Dask)."""
