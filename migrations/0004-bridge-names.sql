-- Which network has a bridge of that name: asked by each create, and for each link that the kernel tells of.

CREATE INDEX networks_by_bridge ON networks (json_extract(options, '$."com.docker.network.bridge.name"'));
