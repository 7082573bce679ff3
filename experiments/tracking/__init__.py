"""What MLflow has of runs and sweeps, and the processes that write it: nobody waits for them."""
