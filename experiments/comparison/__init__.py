"""Statistics of comparisons, tables and pictures; they know of rows and figures, not of how these came."""
