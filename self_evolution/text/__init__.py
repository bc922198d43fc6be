"""What a text consists of: scripts, words, numbers, units, values, languages."""
