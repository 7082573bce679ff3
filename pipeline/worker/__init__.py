"""The Worker: requests tasks, processes them, sends the results."""
