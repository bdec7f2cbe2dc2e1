"""Large values over HTTP: PUT stores what is sent under its path, as a stream; GET sends it."""

from urllib.parse import urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        key = urlsplit(request.url).path
        if request.method == "PUT":
            await self.env.KV.put(key, request.body)
            return Response(status=204)
        return Response(await self.env.KV.get(key, "stream"))
