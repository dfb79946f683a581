"""How a run is configured: options, environment, ``targets.toml``, files of secrets."""
