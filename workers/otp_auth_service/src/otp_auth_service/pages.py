"""Pages: HTML that loads nothing and runs nothing, and says so to the browser."""

import base64
import hashlib
from typing import Final

from workers import Response

__all__ = ["LANDING", "page_response"]

_CSS: Final = """
:root { color-scheme: light dark; --ink: #1f2937; --paper: #ffffff; --link: #1d4ed8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e7eb; --paper: #111827; --link: #93c5fd; }
}
body { margin: 0; color: var(--ink); background: var(--paper);
  font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 3rem 1rem; }
h1 { font-size: 1.75rem; line-height: 1.25; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
li { margin: 0.5rem 0; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{_STYLE_HASH}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

LANDING: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>otp-auth-service</title>
<style>{_CSS}</style>
</head>
<body>
<main>
<h1>Sign-in by one-time code</h1>
<p>This service signs people in without a password: it sends a code by mail, and exchanges the code
for a token. Companies let their own users sign in here with an API key.</p>
<ul>
<li><a href="/dashboard">Dashboard</a>: sign in, API keys, analytics</li>
<li><a href="/openapi.json">API description</a> (OpenAPI 3.1)</li>
<li><a href="/health">Health</a>: whether everything works</li>
</ul>
</main>
</body>
</html>
"""
"""The page at `/`."""


def page_response(html: str) -> Response:
    """Return a page with the policy that lets its own style in, and nothing else."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _POLICY,
    }
    return Response(html, headers=headers)
