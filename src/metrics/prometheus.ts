/**
 * What is used of prom-client. Its index also loads what gathers from Node's cluster and pushes over https, zlib
 * included: 15 ms of every start.
 */
export { default as Counter } from 'prom-client/lib/counter.js';
export { default as collectDefaultMetrics } from 'prom-client/lib/defaultMetrics.js';
export { default as Gauge } from 'prom-client/lib/gauge.js';
export { default as Histogram } from 'prom-client/lib/histogram.js';
export { default as Registry } from 'prom-client/lib/registry.js';
