"""Serve one step: `python -m course.step_server PORT [ADDRESS]`, run in the step's folder.

Migrates the step's database when it needs it, fills it if the step has a command `demo`, then runs
Daphne with the step's application behind course/tap.py, which serves the static files and lets the
docs' wire inspector listen in. An address is this machine's in a network: it is served there too.
"""

import logging
import os
import sys
import threading

from daphne.server import Server  # first: Twisted must get its reactor before Django loads daphne

from course.parent import end_with_parent

logger = logging.getLogger("django.channels.server")


def main(port: int, *addresses: str) -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    migrate()
    fill()
    from course.tap import application

    endpoints = [f"tcp:port={port}:interface={address}" for address in ("127.0.0.1", *addresses)]
    Server(application=application, endpoints=endpoints, action_logger=log_action).run()


def migrate() -> None:
    """Bring the database up to date; looking first is quicker than the command."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)
        print("database migrated", flush=True)
    connection.close()


def fill() -> None:
    """Add what the step's own `manage.py demo` makes; it leaves alone what is there already."""
    from django.conf import settings
    from django.core.management import call_command, get_commands, load_command_class
    from django.db import connection

    if settings.DEBUG and "demo" in get_commands():
        demo = load_command_class(get_commands()["demo"], "demo")
        # One whose members are live would not return: course/step_members.py runs these.
        options = vars(demo.create_parser("manage.py", "demo").parse_args([]))
        call_command(demo, **{"data_only": True} if "data_only" in options else {})
        connection.close()


def log_action(protocol: str, action: str, details: dict) -> None:
    """One line for each request and each turn of a socket's life, in the words `runserver` uses."""
    if protocol == "http" and action == "complete":
        level = logging.ERROR if details["status"] >= 500 else logging.INFO
        logger.log(level, "HTTP %(method)s %(path)s %(status)s [%(time_taken).2f s]", details)
    elif protocol == "websocket":
        word = {"connecting": "HANDSHAKING", "connected": "CONNECT", "rejected": "REJECT"}
        logger.info("WebSocket %s %s", word.get(action, action.upper()), details["path"])


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
