"""What all programs share: the way in and out, errors in one sentence, interruption, files that are whole."""
