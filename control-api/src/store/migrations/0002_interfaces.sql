-- One address and port on two interfaces is two addresses; no interface named is one more.

CREATE TABLE new_input_legs (
    input     TEXT    NOT NULL REFERENCES inputs (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    source    TEXT,
    interface TEXT,
    PRIMARY KEY (input, position)
) STRICT;

INSERT INTO new_input_legs (input, position, address, port, source, interface)
SELECT input, position, address, port, source, interface FROM input_legs;

DROP TABLE input_legs;

ALTER TABLE new_input_legs RENAME TO input_legs;

CREATE UNIQUE INDEX input_addresses ON input_legs (address, port, ifnull(interface, ''));

CREATE TABLE new_output_legs (
    output    TEXT    NOT NULL REFERENCES outputs (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    port      INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    source    TEXT,
    interface TEXT,
    PRIMARY KEY (output, position)
) STRICT;

INSERT INTO new_output_legs (output, position, address, port, source, interface)
SELECT output, position, address, port, source, interface FROM output_legs;

DROP TABLE output_legs;

ALTER TABLE new_output_legs RENAME TO output_legs;

CREATE UNIQUE INDEX output_addresses ON output_legs (address, port, ifnull(interface, ''));
