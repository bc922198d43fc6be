"""An installation: what works here, which runs there are, and what can be removed."""
