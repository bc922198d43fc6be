"""From files to fragments: readers, chunking, and what has changed since the last reading."""
