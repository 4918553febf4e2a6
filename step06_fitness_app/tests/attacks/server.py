"""What the attacks run against: the step's application, in production's settings, under Daphne.

Its standard input takes orders, one JSON a line: call a function in here, or remove a defence until
told to put it back. So a test can make people and see rows, and one server is enough for all tests.
Answers go to a file: the output is to hold what the server itself says, and no secret of a test's.
"""

import json
import sys
import threading
import traceback
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

from config.asgi import application  # noqa: F401  Daphne serves it
from tests.attacks import MARK


def function_of(name: str):
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


def obey() -> None:
    """Carry out each line of standard input, and answer with a line."""
    removed = ExitStack()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            result = None
            if order["do"] == "call":
                result = function_of(order["function"])(*order["args"])
            elif order["do"] == "remove":
                removed.enter_context(function_of(order["function"])(*order["args"]))
            else:
                removed.close()
            answer = {"result": result}
        except Exception:
            answer = {"error": traceback.format_exc()}
        Path(order["answer"]).write_text(json.dumps(answer), encoding="utf-8")
        sys.stdout.write(f"{MARK} {order['answer']}\n")  # one short write: the log writes too


threading.Thread(target=obey, daemon=True).start()
