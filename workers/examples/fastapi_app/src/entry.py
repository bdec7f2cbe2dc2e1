"""A FastAPI application as a worker; `env` reaches its handlers through the request's scope.

Its own documentation is at http://localhost:8787/docs. FastAPI comes with the `examples` extra.
"""

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from workers import WorkerEntrypoint, asgi

app = FastAPI()
prices = {"apple": 30, "pear": 45}


class Item(BaseModel):
    name: str
    cents: int


@app.get("/")
async def shop(request: Request):
    return {"shop": request.scope["env"].SHOP, "items": sorted(prices)}


@app.get("/items/{name}")
async def read_item(name: str) -> Item:
    if name not in prices:
        raise HTTPException(404, f"no item {name}")
    return Item(name=name, cents=prices[name])


@app.put("/items/{name}", status_code=204)
async def write_item(name: str, item: Item) -> None:
    prices[name] = item.cents


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await asgi.fetch(app, request, self.env)
