/** In place of node:http2 in the bundle: Fastify loads it at every start (12 ms) and uses it for HTTP/2 alone. */
module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:http2')[name] });
