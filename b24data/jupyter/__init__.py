"""In the notebook: the magics and the sign-in panel. Imported by a kernel only."""
