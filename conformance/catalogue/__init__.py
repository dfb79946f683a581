"""The catalogue of requirements as a document, and what of the contract it covers."""
