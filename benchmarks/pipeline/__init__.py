"""What the pipeline costs beside others that move the same frames."""
