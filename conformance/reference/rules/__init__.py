"""The rule engine: rule SQL, its functions, the events it sees, and the operations of tag Rules."""
