"""Three ASGI applications for WebSockets, in plain Python."""


# --8<-- [start:echo]
async def echo(scope, receive, send):
    """Send back every frame, as text or as bytes, at /ws/echo/."""
    await receive()  # {"type": "websocket.connect"}: a handshake waits
    await send({"type": "websocket.accept"})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        # One of the keys holds the frame; some servers add the other as None.
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


# --8<-- [end:echo]


# --8<-- [start:refuse]
async def refuse(scope, receive, send):
    """Close before accepting, at /ws/refused/: HTTP 403."""
    await receive()
    await send({"type": "websocket.close"})


async def stay_silent(scope, receive, send):
    """Neither accept nor close, at /ws/silent/: the server loses its patience."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


# --8<-- [end:refuse]
