"""A comparison as tables, pictures and a page."""
