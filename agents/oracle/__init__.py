"""What someone who knew the future would have reached: the best known, and the best that never moves."""
