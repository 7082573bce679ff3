"""Whether the pipeline lasts: the real programs for as long as one likes, with whatever goes wrong."""
