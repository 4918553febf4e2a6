"""What pip prints when it fails, as one sentence and its remedy. Standard library only."""

from pathlib import Path

NO_NETWORK = (
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "ProxyError",
    "NameResolutionError",
    "Connection refused",
    "Connection broken",
    "Temporary failure in name resolution",
    "getaddrinfo failed",
    "Read timed out",
    "(from versions: none)",  # all that pip says when it is told not to retry
)


def why_pip_failed(lock: Path, lines: list[str], log: Path, wheels: Path | None = None) -> str:
    """pip's output as one sentence and its remedy; `wheels`: where it took them from."""
    text = "\n".join(lines)
    if "No space left" in text:
        return "The disk is full. Free about 300 MB, and start again."
    if "DO NOT MATCH THE HASHES" in text:
        return (
            f"A downloaded package is not the one {lock.name} names: its hash differs.\n"
            "Something between you and the package index changes files. Try another network."
        )
    if wheels and "(from versions: " in text:
        return (
            f"This kit was not made for this system and its Python: a package is not in {wheels}.\n"
            "Take another kit or another Python; with a network, delete that folder."
        )
    # Its warnings tell of attempts that it repeated, and that may have worked then.
    last = "\n".join(line for line in lines if not line.lstrip().startswith("WARNING"))
    if any(sign in last for sign in NO_NETWORK):
        return (
            "pip could not reach the package index: no network, or a proxy in between.\n"
            "Connect (behind a proxy, set HTTPS_PROXY) and start again; only this install needs it."
        )
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-3:]
    return "pip could not install {}:\n{}\nThe whole output is in {}".format(
        lock.name, "\n".join(errors[-3:]), log
    )
