"""The vocabulary of the REST API: calls, replies, checks of values, pages, JSON, credentials."""
