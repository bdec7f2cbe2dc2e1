"""The main module: what a runtime looks for the handlers in."""

from customer_api.app import Default

__all__ = ["Default"]
