"""Messages, as acme relies on them."""

import pytest

from conformance.api import Target, requirement


@pytest.mark.needs("mqtt")
@requirement("ACME-03", "POST /publish")
def test_command_reaches_the_site(target: Target) -> None:
    """A command that is published through the API reaches whoever is subscribed to its site, whatever the device."""
    site = target.sandbox.topic("site")
    subscriber = target.subscriber(f"{site}/#")

    target.publish(f"{site}/door/1", "open").expect(200)
    subscriber.wait_for_messages(1)
    assert subscriber.texts == ["open"], f"{subscriber.texts} arrived"
