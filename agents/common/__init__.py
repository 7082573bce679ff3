"""What several agents share; none of them imports another."""
