"""Three ASGI applications for WebSockets, in plain Python."""


# --8<-- [start:echo]
async def echo(scope, receive, send):
    """Send back every frame, as text or as bytes, at /ws/echo/."""
    await receive()  # {"type": "websocket.connect"}: the handshake waits for our answer
    await send({"type": "websocket.accept"})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        # A text frame has the key "text", a binary one "bytes"; a server may add the other as None.
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


# --8<-- [end:echo]


# --8<-- [start:refuse]
async def refuse(scope, receive, send):
    """Close before accepting, at /ws/refused/: the handshake ends with HTTP 403."""
    await receive()
    await send({"type": "websocket.close"})


async def stay_silent(scope, receive, send):
    """Neither accept nor close, at /ws/silent/: the server has to lose its patience."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


# --8<-- [end:refuse]
