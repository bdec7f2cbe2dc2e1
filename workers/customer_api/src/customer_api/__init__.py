"""The worker that owns customer records."""
