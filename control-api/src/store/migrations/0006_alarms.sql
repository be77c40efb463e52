-- Alarms, active and past. Each row is one alarm from when it was raised to when it was
-- cleared; texts stand as they were told. Times in nanoseconds since the Unix epoch.

CREATE TABLE alarms (
    episode         INTEGER PRIMARY KEY, -- grows with every alarm
    id              TEXT    NOT NULL,    -- the same whenever the same thing is wrong
    kind            TEXT    NOT NULL,
    severity        TEXT    NOT NULL,
    subject_kind    TEXT    NOT NULL,
    subject_id      TEXT    NOT NULL,
    label           TEXT    NOT NULL,
    text            TEXT    NOT NULL,
    action          TEXT    NOT NULL,
    clears_after_s  INTEGER,             -- of reports by other programs
    raised_at       INTEGER NOT NULL,
    cleared_at      INTEGER,             -- null while active
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    note            TEXT,
    times           INTEGER NOT NULL
) STRICT;

CREATE INDEX active_alarms ON alarms (episode) WHERE cleared_at IS NULL;

-- When alarms were last written, also while there are none: a disk that takes nothing any
-- more is found before it is needed.

CREATE TABLE alarm_marks (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    written_at INTEGER NOT NULL
) STRICT;
