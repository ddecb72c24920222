"""From rows to pixels: plan, aggregate, shade."""
