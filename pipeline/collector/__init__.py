"""The Collector: puts the workers' results back in order and hands them to a sink."""
