"""What a target holds: listed, compared, and what a run left there deleted."""
