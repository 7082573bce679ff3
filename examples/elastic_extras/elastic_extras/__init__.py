"""Somebody else's agent and stream for elasticbench; `conf/` has the YAML files that name them."""
