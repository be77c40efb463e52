-- Sound and ancillary data beside the picture, what stands in for an input that fails, and
-- what an output sends while its input is lost.

CREATE TABLE input_levels (
    input        TEXT    NOT NULL REFERENCES inputs (id) ON DELETE CASCADE,
    level        TEXT    NOT NULL CHECK (level IN ('audio', 'ancillary')),
    format       TEXT    NOT NULL, -- JSON, as in the API
    payload_type INTEGER NOT NULL CHECK (payload_type BETWEEN 96 AND 127),
    skew_us      INTEGER NOT NULL CHECK (skew_us BETWEEN 1 AND 450000),
    merge_order  TEXT    NOT NULL CHECK (merge_order IN ('restored', 'first-copy')),
    PRIMARY KEY (input, level)
) STRICT;

CREATE TABLE output_levels (
    output       TEXT    NOT NULL REFERENCES outputs (id) ON DELETE CASCADE,
    level        TEXT    NOT NULL CHECK (level IN ('audio', 'ancillary')),
    payload_type INTEGER NOT NULL CHECK (payload_type BETWEEN 96 AND 127),
    ssrc         INTEGER NOT NULL CHECK (ssrc BETWEEN 0 AND 4294967295),
    ramp_ms      INTEGER NOT NULL CHECK (ramp_ms BETWEEN 0 AND 100),
    PRIMARY KEY (output, level)
) STRICT;

-- Every level has its legs; an address still belongs to one of them only.

CREATE TABLE new_input_legs (
    input     TEXT    NOT NULL REFERENCES inputs (id) ON DELETE CASCADE,
    level     TEXT    NOT NULL CHECK (level IN ('video', 'audio', 'ancillary')),
    position  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    source    TEXT,
    interface TEXT,
    PRIMARY KEY (input, level, position)
) STRICT;

INSERT INTO new_input_legs (input, level, position, address, port, source, interface)
SELECT input, 'video', position, address, port, source, interface FROM input_legs;

DROP TABLE input_legs;

ALTER TABLE new_input_legs RENAME TO input_legs;

CREATE UNIQUE INDEX input_addresses ON input_legs (address, port, ifnull(interface, ''));

CREATE TABLE new_output_legs (
    output    TEXT    NOT NULL REFERENCES outputs (id) ON DELETE CASCADE,
    level     TEXT    NOT NULL CHECK (level IN ('video', 'audio', 'ancillary')),
    position  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    source    TEXT,
    interface TEXT,
    PRIMARY KEY (output, level, position)
) STRICT;

INSERT INTO new_output_legs (output, level, position, address, port, source, interface)
SELECT output, 'video', position, address, port, source, interface FROM output_legs;

DROP TABLE output_legs;

ALTER TABLE new_output_legs RENAME TO output_legs;

CREATE UNIQUE INDEX output_addresses ON output_legs (address, port, ifnull(interface, ''));

-- An input is replaced by removing and adding it, so who names it as a backup is held to that
-- only when all is done.

CREATE TABLE input_backups (
    input    TEXT    NOT NULL REFERENCES inputs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    backup   TEXT    NOT NULL REFERENCES inputs (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (input, position),
    UNIQUE (input, backup),
    CHECK (backup <> input)
) STRICT;

ALTER TABLE inputs ADD COLUMN back TEXT NOT NULL DEFAULT 'automatic'
    CHECK (back IN ('automatic', 'manual'));

ALTER TABLE inputs ADD COLUMN steady_ms INTEGER NOT NULL DEFAULT 3000
    CHECK (steady_ms BETWEEN 0 AND 600000);

ALTER TABLE inputs ADD COLUMN frozen_ms INTEGER -- never where null
    CHECK (frozen_ms BETWEEN 100 AND 600000);

ALTER TABLE inputs ADD COLUMN black_ms INTEGER -- never where null
    CHECK (black_ms BETWEEN 100 AND 600000);

ALTER TABLE outputs ADD COLUMN on_loss TEXT NOT NULL DEFAULT 'nothing'
    CHECK (on_loss IN ('nothing', 'slate'));
