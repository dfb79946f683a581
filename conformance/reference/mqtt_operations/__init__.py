"""REST operations on the broker: clients, subscriptions, messages."""
