"""The parts of texts: scripts, words, numbers, units, values, languages."""
