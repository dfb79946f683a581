"""Paths of the contract that are too long to spell out wherever an operation is named."""

from __future__ import annotations

AUTHENTICATOR = "/authentication/password_based:built_in_database"
USERS = f"{AUTHENTICATOR}/users"
USER = f"{USERS}/{{user_id}}"
IMPORT_USERS = f"{AUTHENTICATOR}/import_users"

AUTHORIZATION_RULES = "/authorization/sources/built_in_database/rules"
USER_RULES = f"{AUTHORIZATION_RULES}/users"
RULES_OF_USER = f"{USER_RULES}/{{username}}"
CLIENT_RULES = f"{AUTHORIZATION_RULES}/clients"
RULES_OF_CLIENT = f"{CLIENT_RULES}/{{clientid}}"
RULES_OF_ALL = f"{AUTHORIZATION_RULES}/all"

RETAINED_MESSAGES = "/mqtt/retainer/messages"
RETAINED_MESSAGE = "/mqtt/retainer/message/{topic}"

BAN = "/banned/{as}/{who}"
