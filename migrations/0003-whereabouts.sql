-- Whose namespace one is, without reading every container: by its identity, by its name under /run/netns, and by
-- the container whose namespace it shares.

CREATE INDEX containers_by_inode ON containers (inode, boot_id);
CREATE INDEX containers_by_netns ON containers (json_extract(source, '$.netnsName'));
CREATE INDEX containers_by_host ON containers (json_extract(source, '$.containerId'));
