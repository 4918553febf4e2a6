"""How much one connection and one person may ask of the server."""
