"""What a user may say: schemas of all configurations, derived from the classes that they configure."""
