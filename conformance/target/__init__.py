"""The deployment under test: configuration, HTTP session, safety guard, sandbox, journal and capabilities."""
