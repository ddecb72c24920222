"""What the person sees: explorer, widgets, server (Panel)."""
