"""What a scenario arranges with: one class per collection of a target, all inside the sandbox."""
