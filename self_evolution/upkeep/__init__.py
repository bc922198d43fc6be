"""Living with an installation: what works here, which runs there are, and what can go."""
