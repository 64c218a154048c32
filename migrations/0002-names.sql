-- The names by which members of a network are known to each other, folded to lower case, for the resolver at
-- 127.0.0.11: container name, aliases, the first 12 digits of the container's id, hostname. Kept true by
-- triggers, so that no change can forget it; dnsNamesOf in src/model/dns-names.ts says the same in TypeScript.

CREATE TABLE endpoint_names (
  network_id TEXT NOT NULL,
  name TEXT NOT NULL,
  endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
  PRIMARY KEY (network_id, name, endpoint_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX endpoint_names_by_endpoint ON endpoint_names (endpoint_id);

CREATE VIEW names_of_endpoints AS
SELECT e.network_id, lower(c.name) AS name, e.id AS endpoint_id
FROM endpoints e JOIN containers c ON c.id = e.container_id
UNION ALL
SELECT e.network_id, substr(e.container_id, 1, 12), e.id FROM endpoints e
UNION ALL
SELECT e.network_id, lower(json_extract(c.config, '$.Hostname')), e.id
FROM endpoints e JOIN containers c ON c.id = e.container_id
WHERE json_type(c.config, '$.Hostname') = 'text'
UNION ALL
SELECT e.network_id, lower(alias.value), e.id FROM endpoints e, json_each(e.settings, '$.aliases') alias;

INSERT OR IGNORE INTO endpoint_names (network_id, name, endpoint_id)
SELECT network_id, name, endpoint_id FROM names_of_endpoints WHERE name <> '';

CREATE TRIGGER endpoint_names_insert AFTER INSERT ON endpoints
BEGIN
  INSERT OR IGNORE INTO endpoint_names (network_id, name, endpoint_id)
  SELECT network_id, name, endpoint_id FROM names_of_endpoints WHERE endpoint_id = NEW.id AND name <> '';
END;

CREATE TRIGGER endpoint_names_update AFTER UPDATE OF settings ON endpoints
WHEN OLD.settings IS NOT NEW.settings
BEGIN
  DELETE FROM endpoint_names WHERE endpoint_id = NEW.id;
  INSERT OR IGNORE INTO endpoint_names (network_id, name, endpoint_id)
  SELECT network_id, name, endpoint_id FROM names_of_endpoints WHERE endpoint_id = NEW.id AND name <> '';
END;

CREATE TRIGGER endpoint_names_rename AFTER UPDATE OF name, config ON containers
WHEN OLD.name IS NOT NEW.name OR OLD.config IS NOT NEW.config
BEGIN
  DELETE FROM endpoint_names WHERE endpoint_id IN (SELECT id FROM endpoints WHERE container_id = NEW.id);
  INSERT OR IGNORE INTO endpoint_names (network_id, name, endpoint_id)
  SELECT network_id, name, endpoint_id FROM names_of_endpoints
  WHERE endpoint_id IN (SELECT id FROM endpoints WHERE container_id = NEW.id) AND name <> '';
END;
