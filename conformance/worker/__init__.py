"""What the items of one worker use: its plan, its session with the target, and the flag that ends the run."""
