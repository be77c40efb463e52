-- Names in other languages, kinds of sources, what an output shows when it is parked,
-- presets, rooms, locks.

ALTER TABLE inputs ADD COLUMN labels TEXT NOT NULL DEFAULT '{}'; -- JSON: language to label

ALTER TABLE inputs ADD COLUMN source_type TEXT NOT NULL DEFAULT 'other';

ALTER TABLE outputs ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';

ALTER TABLE outputs ADD COLUMN park TEXT -- cleared where null
    REFERENCES inputs (id) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE presets (
    id     TEXT NOT NULL PRIMARY KEY,
    label  TEXT NOT NULL,
    labels TEXT NOT NULL,
    zone   TEXT NOT NULL
) STRICT;

CREATE TABLE preset_routes (
    preset   TEXT    NOT NULL REFERENCES presets (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    output   TEXT    NOT NULL REFERENCES outputs (id) DEFERRABLE INITIALLY DEFERRED,
    source   TEXT    NOT NULL CHECK (source IN ('input', 'nothing', 'open')),
    input    TEXT    REFERENCES inputs (id) DEFERRABLE INITIALLY DEFERRED,
    levels   TEXT    NOT NULL, -- JSON, as in the API; all where empty
    PRIMARY KEY (preset, position),
    CHECK ((source = 'input') = (input IS NOT NULL))
) STRICT;

CREATE TABLE zones (
    name   TEXT NOT NULL PRIMARY KEY,
    labels TEXT NOT NULL,
    width  INTEGER CHECK (width BETWEEN 1 AND 10000), -- no plan where null
    height INTEGER CHECK (height BETWEEN 1 AND 10000),
    CHECK ((width IS NULL) = (height IS NULL))
) STRICT;

CREATE TABLE zone_displays (
    zone     TEXT    NOT NULL REFERENCES zones (name) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    output   TEXT    NOT NULL REFERENCES outputs (id) ON DELETE CASCADE
                     DEFERRABLE INITIALLY DEFERRED,
    x        INTEGER NOT NULL CHECK (x BETWEEN 0 AND 9999),
    y        INTEGER NOT NULL CHECK (y BETWEEN 0 AND 9999),
    width    INTEGER NOT NULL CHECK (width BETWEEN 1 AND 10000),
    height   INTEGER NOT NULL CHECK (height BETWEEN 1 AND 10000),
    PRIMARY KEY (zone, position),
    UNIQUE (zone, output)
) STRICT;

CREATE TABLE locks (
    output     TEXT    NOT NULL PRIMARY KEY REFERENCES outputs (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL CHECK (kind IN ('lock', 'protect')),
    owner      TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    since      INTEGER NOT NULL, -- ns since the Unix epoch
    expires_at INTEGER
) STRICT;
