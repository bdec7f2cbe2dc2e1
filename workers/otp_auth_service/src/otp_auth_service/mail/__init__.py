"""Mails with codes: what stands in them, and who delivers them."""
