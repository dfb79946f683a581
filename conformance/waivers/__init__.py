"""Waivers: accepted deviations of a target, each with a reason, an owner and an expiry, and the defects behind them."""

from conformance.waivers.defect import Defect
from conformance.waivers.file import WaiverError, WaiverFile, load_waivers, parse_waivers
from conformance.waivers.waiver import Waiver

__all__ = ["Defect", "Waiver", "WaiverError", "WaiverFile", "load_waivers", "parse_waivers"]
