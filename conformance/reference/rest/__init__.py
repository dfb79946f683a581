"""The REST side of the reference deployment: from the bytes of a request to its handler."""
