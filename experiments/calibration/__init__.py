"""Measure this machine for every world, and how far the worlds are from one another."""
