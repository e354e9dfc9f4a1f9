-- Where a notice leads: `host:port`, and the domain of a name. So that of many notices those for others are found at once.
ALTER TABLE outbox ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN domain TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox_aside ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox_aside ADD COLUMN domain TEXT NOT NULL DEFAULT '';
UPDATE outbox SET host = host_of(CAST(url AS BLOB)), domain = domain_of(CAST(url AS BLOB));
