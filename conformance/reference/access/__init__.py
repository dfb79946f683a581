"""Who may connect and do what: built-in database users, authorization rules and bans."""

from conformance.reference.access.access import Access as Access
from conformance.reference.access.users import Authenticated as Authenticated
from conformance.reference.access.users import Refused as Refused
