"""The safety guard: what a request may touch, and the sandbox it may touch it in."""
