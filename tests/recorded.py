"""The server of the recordings, as a reference deployment: EMQX 5.8.9 with everything it has."""

from conformance.reference.defects import traits_of

RECORDED = traits_of("5.8.9")
