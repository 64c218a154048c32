-- The members of a network in the order of connecting, from the index alone: no table rows, no sort.

CREATE INDEX endpoints_in_order ON endpoints (network_id, ordinal, id);
