"""Active inference: Gaussian beliefs about what SLOs rest at, policies of least expected free energy."""
