"""Runs of any source as one collection: which count, what each is called, what can be compared."""
