"""What `await` yields: two visitors, one thread. Run it: python -m echo.awaiting"""

import asyncio
import time


# --8<-- [start:awaiting]
async def wait():
    """Wait for an answer, and let the others run meanwhile."""
    await asyncio.sleep(0.2)


async def block():
    """Wait for an answer, and keep the thread: `async def` does not help."""
    time.sleep(0.2)  # noqa: ASYNC251  the mistake shown


async def visit(name, pause):
    print(f"  {name} asks")
    await pause()
    print(f"  {name} has an answer")


async def main():
    for pause in (wait, block):
        print(f"{pause.__name__}:")
        started = time.perf_counter()
        await asyncio.gather(visit("A", pause), visit("B", pause))
        print(f"  both after {time.perf_counter() - started:.1f} s")


# --8<-- [end:awaiting]

if __name__ == "__main__":
    asyncio.run(main())
