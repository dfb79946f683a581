"""The MQTT 3.1.1 and 5.0 half of the reference deployment: codec, sessions, broker."""
