"""The HTTP side of a target: session, connections, answers."""
