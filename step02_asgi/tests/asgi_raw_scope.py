"""What Daphne hands over, before anybody has touched it: the scope's repr as one text frame."""


async def application(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": repr(scope)})
    await receive()
