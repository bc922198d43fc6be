"""How much a drill does: enough for each change of the code, and more before a release.

`make drills KILLS=50` kills each process 50 times. Drills share the 40 minutes of `.ci/run`.
"""

from __future__ import annotations

import os

KILLS = int(os.environ.get("KILLS", "8"))
"""How often a process is killed at a random moment."""
