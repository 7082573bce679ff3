"""Active inference: Gaussian beliefs about what every SLO rests at, and policies of least expected free energy."""
