"""A Bayesian network over knobs, metrics and SLOs, learned while it runs and asked by interventions."""
