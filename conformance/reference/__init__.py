"""The reference deployment: a stateful stand-in for an EMQX deployment, REST and MQTT in one asyncio loop."""
