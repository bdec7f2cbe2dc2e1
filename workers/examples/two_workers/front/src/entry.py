"""Calls the greeter worker in both ways that a service binding offers: fetch and RPC.

Serve both with `runtime serve workers/examples/two_workers`, then try
http://localhost:8787/rpc?name=Ada&name=Grace
"""

from urllib.parse import parse_qs, urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = urlsplit(request.url)
        if url.path == "/fetch":
            return await self.env.GREETER.fetch(f"https://greeter/?{url.query}")
        if url.path == "/rpc":
            names = parse_qs(url.query).get("name", ["world"])
            return Response.json(await self.env.GREETER.greet_all(names))
        return Response("try /fetch?name=Ada or /rpc?name=Ada&name=Grace\n")
