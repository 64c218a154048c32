/** In place of node:https in the bundle: Fastify loads it at every start (4 ms) and uses it for TLS alone. */
module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:https')[name] });
