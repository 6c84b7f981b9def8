// The API's login, as far as the JWT cache is concerned: POST /login makes an entry that expires.
"use strict";
const { createServer } = require("node:http");
const { randomBytes } = require("node:crypto");
const Redis = require("ioredis");

const cache = new Redis(process.env.REDIS_CACHE_URL, { maxRetriesPerRequest: 1 });
cache.on("error", () => {});

const logIn = () => cache.set(`jwt:${randomBytes(32).toString("hex")}`, '{"active":true}', "EX", 600);

createServer(async (request, response) => {
  const known = request.method === "POST" && request.url === "/login";
  try {
    if (known) await logIn();
    response.writeHead(known ? 204 : 404).end();
  } catch {
    response.writeHead(503).end();
  }
}).listen(8080);

// Somebody has logged in before.
logIn().catch(() => {});
