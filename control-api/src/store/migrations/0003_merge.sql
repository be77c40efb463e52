-- How the two legs of an input become one stream (ST 2022-7); class A, order restored.

ALTER TABLE inputs ADD COLUMN skew_us INTEGER NOT NULL DEFAULT 10000
    CHECK (skew_us BETWEEN 1 AND 450000);

ALTER TABLE inputs ADD COLUMN merge_order TEXT NOT NULL DEFAULT 'restored'
    CHECK (merge_order IN ('restored', 'first-copy'));
