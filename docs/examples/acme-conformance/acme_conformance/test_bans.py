"""Bans, as acme relies on them."""

from conformance.api import Target, requirement


@requirement("ACME-01", "POST /banned", "GET /banned")
def test_reason_is_kept(target: Target) -> None:
    """A ban is listed with the reason that it was given, whatever the language."""
    reason = "too many connections, trop de connexions, 连接过多"
    ban = target.bans.create(reason=reason)

    found = [entry["reason"] for entry in target.bans.listed() if f"{entry['as']}/{entry['who']}" == ban]
    assert found == [reason], f"the list shows {found}"
