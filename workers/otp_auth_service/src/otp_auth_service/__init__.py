"""Passwordless sign-in by one-time code, API keys for tenants, and their administration."""
