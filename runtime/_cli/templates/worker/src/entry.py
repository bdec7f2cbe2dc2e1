"""A worker that greets, in words or as JSON.

Try http://localhost:8787/?name=Ada and http://localhost:8787/api/greeting?name=Ada
"""

from urllib.parse import parse_qs, urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    """Answers every request; the runtime makes one object a request."""

    async def fetch(self, request):
        url = urlsplit(request.url)
        name = parse_qs(url.query).get("name", ["world"])[0]
        greeting = f"{self.env.GREETING}, {name}!"  # GREETING stands in wrangler.jsonc

        if url.path == "/":
            return Response(f"{greeting}\n")
        if url.path == "/api/greeting":
            return Response.json({"greeting": greeting})
        return Response("There is nothing here.\n", status=404)
