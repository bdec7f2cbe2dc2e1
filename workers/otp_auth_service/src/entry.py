from otp_auth_service.app import Default
from otp_auth_service.settings import Settings
from workers import env

# A setting that is missing or wrong stops the worker from loading, and is named.
Settings.from_env(env)

__all__ = ["Default"]
