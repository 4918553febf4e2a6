"""The demo of a step that has live members: `python -m course.step_members PORT`, in its folder.

Waits for the step's server, which migrates and fills the database, and then is the people of the
step's `manage.py demo` there until it is stopped.
"""

import asyncio
import os
import sys
import threading

from course.parent import end_with_parent
from course.serve import is_up


def main(port: int) -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    asyncio.run(is_up(port))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    if settings.DEBUG:
        call_command("demo", url=f"http://127.0.0.1:{port}")
    else:
        end_with_parent()


if __name__ == "__main__":
    main(int(sys.argv[1]))
