"""From the bytes of a request to its handler and back: connection, routing, credentials, body, schema filter."""
