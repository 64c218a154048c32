-- The three nouns, their address ranges and the events. Lists and maps that are only ever read whole are JSON.
-- Ids are 64 lower hex digits; addresses and prefixes are canonical text; range bounds are hexadecimal digits
-- of fixed width for their family (8 or 32), so that text order is address order.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('daemon_id', lower(hex(randomblob(16))));

CREATE TABLE networks (
  ordinal INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL,
  driver TEXT NOT NULL,
  predefined INTEGER NOT NULL,
  enable_ipv4 INTEGER NOT NULL,
  enable_ipv6 INTEGER NOT NULL,
  internal INTEGER NOT NULL,
  attachable INTEGER NOT NULL,
  config_only INTEGER NOT NULL,
  config_from TEXT NOT NULL,
  ipam_options TEXT,
  options TEXT NOT NULL,
  labels TEXT NOT NULL
) STRICT;

CREATE TABLE subnets (
  network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
  family TEXT NOT NULL CHECK (family IN ('ipv4', 'ipv6')),
  prefix TEXT NOT NULL,
  first TEXT NOT NULL,
  last TEXT NOT NULL CHECK (length(last) = length(first) AND last >= first),
  ip_range TEXT,
  gateway TEXT,
  aux TEXT NOT NULL,
  automatic INTEGER NOT NULL,
  -- 0 for config-only networks: they keep a subnet for others and hold none themselves.
  reserves INTEGER NOT NULL,
  PRIMARY KEY (network_id, family)
) STRICT, WITHOUT ROWID;

CREATE INDEX subnets_by_first ON subnets (family, first) WHERE reserves = 1;

-- Reserved subnets are disjoint, so only the last one that begins at or before our end can overlap.
CREATE TRIGGER subnets_do_not_overlap BEFORE INSERT ON subnets
WHEN NEW.reserves = 1 AND NEW.first <= (
  SELECT last FROM subnets
  WHERE reserves = 1 AND family = NEW.family AND first <= NEW.last
  ORDER BY first DESC LIMIT 1
)
BEGIN
  SELECT RAISE(ABORT, 'subnets overlap');
END;

-- What may still be given out, as disjoint ranges that never touch each other.
CREATE TABLE free_ranges (
  network_id TEXT NOT NULL,
  family TEXT NOT NULL,
  first TEXT NOT NULL,
  last TEXT NOT NULL CHECK (length(last) = length(first) AND last >= first),
  PRIMARY KEY (network_id, family, first),
  FOREIGN KEY (network_id, family) REFERENCES subnets (network_id, family) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE containers (
  ordinal INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL,
  source TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'running', 'exited')),
  boot_id TEXT,
  inode TEXT,
  started_at TEXT NOT NULL,
  finished_at TEXT NOT NULL,
  exit_code INTEGER NOT NULL,
  network_mode TEXT NOT NULL,
  labels TEXT NOT NULL,
  pending TEXT NOT NULL,
  config TEXT NOT NULL
) STRICT;

-- An endpoint must be removed before its container: its addresses have to be given back (no cascade there).
CREATE TABLE endpoints (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
  container_id TEXT NOT NULL REFERENCES containers (id),
  veth TEXT NOT NULL,
  ifname TEXT NOT NULL,
  mac TEXT NOT NULL,
  ipv4 TEXT,
  ipv6 TEXT,
  gw_priority INTEGER NOT NULL,
  -- What the client asked for and what only it reads: asked addresses, aliases, links, options, ports.
  settings TEXT NOT NULL,
  UNIQUE (network_id, container_id),
  UNIQUE (network_id, ipv4),
  UNIQUE (network_id, ipv6)
) STRICT;

CREATE INDEX endpoints_by_container ON endpoints (container_id);
CREATE UNIQUE INDEX endpoints_ifname ON endpoints (container_id, ifname) WHERE ifname <> '';
CREATE UNIQUE INDEX endpoints_mac ON endpoints (network_id, mac) WHERE mac <> '';
CREATE UNIQUE INDEX endpoints_veth ON endpoints (veth) WHERE veth <> '';

CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  time_nano INTEGER NOT NULL,
  type TEXT NOT NULL,
  action TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  attributes TEXT NOT NULL
) STRICT;
