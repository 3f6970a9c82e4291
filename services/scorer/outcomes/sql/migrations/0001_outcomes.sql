-- A row for each request that was sent to a model, written some moments after it was routed. It holds
-- numbers and names, and no word of the caller unless the operator turned that on.
CREATE TABLE scorer.routes (
    request_id text PRIMARY KEY CHECK (length(request_id) BETWEEN 1 AND 128),
    at timestamptz NOT NULL,
    decision text NOT NULL CHECK (decision IN ('local', 'cloud')),
    tier text NOT NULL,
    model text NOT NULL,
    -- The scorer's own, before any tuning, and the one that the route was decided by.
    complexity double precision NOT NULL CHECK (complexity BETWEEN 0 AND 1),
    tuned_complexity double precision NOT NULL CHECK (tuned_complexity BETWEEN 0 AND 1),
    unsure boolean NOT NULL,
    -- false: the caller, doubt, or what is at stake decided, and no threshold.
    automatic boolean NOT NULL,
    -- Numbers by name; one that is left out is 0.
    signals jsonb NOT NULL,
    -- USD, of the chosen model and of the cloud model, whichever was chosen. NULL: no price was known.
    estimated_cost numeric CHECK (estimated_cost >= 0 AND estimated_cost < 'Infinity'),
    cloud_cost numeric CHECK (cloud_cost >= 0 AND cloud_cost < 'Infinity'),
    prompt text
);

CREATE INDEX routes_at ON scorer.routes (at, request_id);

-- What is known of the answers. There is no foreign key: an outcome may come before its route is written.
CREATE TABLE scorer.outcomes (
    request_id text NOT NULL CHECK (length(request_id) BETWEEN 1 AND 128),
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'escalated', 'failed', 'good', 'bad')),
    at timestamptz NOT NULL,
    -- Whose answer it was, when the sender said so.
    model text CHECK (length(model) BETWEEN 1 AND 128),
    -- Codes, never sentences.
    reason text CHECK (length(reason) BETWEEN 1 AND 200),
    PRIMARY KEY (request_id, outcome)
);

CREATE INDEX outcomes_at ON scorer.outcomes (at);
