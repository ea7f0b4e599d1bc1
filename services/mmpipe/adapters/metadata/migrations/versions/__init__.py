"""One module for each step, in the order of their numbers. A published step is never edited."""
