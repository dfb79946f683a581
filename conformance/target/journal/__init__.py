"""The journal of what a run creates, and the resources it can create."""
