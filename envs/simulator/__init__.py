"""The offline simulator: the pipeline's cores as one compiled walk over frames, event by event."""
