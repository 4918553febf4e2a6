"""Step 06's base, in a process set up as config/asgi.py sets up a server's."""

import config.asgi  # noqa: F401  the garbage collector's thresholds
from benchmarks.apps import pulse

application = pulse
