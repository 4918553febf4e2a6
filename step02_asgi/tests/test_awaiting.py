"""What `await` yields: the thread, to whoever can go on."""

import asyncio


def test_the_others_run_while_one_awaits_and_stand_while_one_blocks(capsys):
    from echo.awaiting import main

    asyncio.run(main())
    waiting, blocking = capsys.readouterr().out.removeprefix("wait:\n").split("block:\n")
    assert waiting.splitlines()[:2] == ["  A asks", "  B asks"]
    assert blocking.splitlines()[:2] == ["  A asks", "  A has an answer"]


async def test_calling_a_coroutine_function_runs_nothing():
    ran = []

    async def visit():
        ran.append("visit")

    coroutine = visit()
    assert ran == []
    await coroutine
    assert ran == ["visit"]
