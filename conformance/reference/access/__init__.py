"""Who may connect and do what: built-in database users, authorization rules and bans."""

from conformance.reference.access.access import Access as Access
