-- Inputs and outputs as people know them. Routes are the router's and are not kept here.

CREATE TABLE inputs (
    id           TEXT    NOT NULL PRIMARY KEY,
    label        TEXT    NOT NULL,
    zone         TEXT    NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    rate         TEXT    NOT NULL, -- frames a second, exact: 60 or 60000/1001
    sampling     TEXT    NOT NULL,
    depth        INTEGER NOT NULL,
    scan         TEXT    NOT NULL,
    packing      TEXT    NOT NULL,
    colorimetry  TEXT    NOT NULL,
    tcs          TEXT, -- SDR where null
    range        TEXT, -- narrow where null
    payload_type INTEGER NOT NULL CHECK (payload_type BETWEEN 96 AND 127),
    max_udp      INTEGER NOT NULL CHECK (max_udp BETWEEN 1 AND 8960)
) STRICT;

CREATE TABLE input_legs (
    input     TEXT    NOT NULL REFERENCES inputs (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    source    TEXT,
    interface TEXT,
    PRIMARY KEY (input, position),
    UNIQUE (address, port)
) STRICT;

CREATE TABLE outputs (
    id           TEXT    NOT NULL PRIMARY KEY,
    label        TEXT    NOT NULL,
    zone         TEXT    NOT NULL,
    payload_type INTEGER NOT NULL CHECK (payload_type BETWEEN 96 AND 127),
    ssrc         INTEGER NOT NULL CHECK (ssrc BETWEEN 0 AND 4294967295),
    ttl          INTEGER NOT NULL CHECK (ttl BETWEEN 1 AND 255),
    dscp         INTEGER NOT NULL CHECK (dscp BETWEEN 0 AND 63),
    accepts      TEXT    NOT NULL -- JSON: "any" or a list of formats, as in the API
) STRICT;

CREATE TABLE output_legs (
    output    TEXT    NOT NULL REFERENCES outputs (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    source    TEXT,
    interface TEXT,
    PRIMARY KEY (output, position),
    UNIQUE (address, port)
) STRICT;
