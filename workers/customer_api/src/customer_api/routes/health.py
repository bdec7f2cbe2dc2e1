"""Is it running? Anyone may ask."""

from customer_api.calls import Call
from workers import Response

__all__ = ["get", "paths"]

paths = ["/", "/health", "/health/live"]


def get(call: Call) -> Response:
    """Say that the worker answers."""
    return call.answer_json(
        {
            "status": "ok",
            "message": "Customer API is running",
            "service": "customer-api",
            "timestamp": call.timestamp,
        }
    )
