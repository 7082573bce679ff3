"""Model predictive control: regressions of every SLO on the knobs, fitted online, and a search over them."""
