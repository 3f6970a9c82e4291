-- Budgets, what was spent of them, and what requests that are under way may still cost.
CREATE TABLE ledger.budgets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('global', 'key', 'user', 'tag', 'model')),
    -- Whose: a key's id, a user, a tag, a model's name; '' for all.
    subject text NOT NULL CHECK ((subject = '') = (scope = 'global') AND length(subject) <= 256),
    period text NOT NULL CHECK (period IN ('daily', 'monthly')),
    limit_usd numeric NOT NULL CHECK (limit_usd >= 0 AND limit_usd < 'Infinity'),
    -- 'soft' only warns. 'hard' is never passed.
    mode text NOT NULL CHECK (mode IN ('soft', 'hard')),
    -- What a request gets that no longer fits: refused, or a local model's answer.
    when_spent text NOT NULL CHECK (when_spent IN ('refuse', 'local')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (scope, subject, period, mode)
);

-- Warnings that a new ledger begins with; change or delete them freely.
INSERT INTO ledger.budgets (scope, subject, period, limit_usd, mode, when_spent)
VALUES ('global', '', 'daily', 10, 'soft', 'refuse'), ('global', '', 'monthly', 200, 'soft', 'refuse');

-- The sum of the entries that were charged to a budget in one of its periods. A row is made, with what was
-- spent by then, when a request first asks for it, and kept up by booking: a new period needs no job.
CREATE TABLE ledger.spending (
    budget_id bigint NOT NULL REFERENCES ledger.budgets ON DELETE CASCADE,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    spent numeric NOT NULL,
    PRIMARY KEY (budget_id, period_start, period_end)
);

-- Requests under way. One is removed when its entry is booked, or booked as unconfirmed after its time.
CREATE TABLE ledger.reservations (
    request_id text PRIMARY KEY,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- USD: the most that it can cost; 0 for a model without a price.
    amount numeric NOT NULL CHECK (amount >= 0 AND amount < 'Infinity'),
    model text NOT NULL,
    key_id text,
    user_name text,
    tags text[] NOT NULL,
    -- The row that is booked if nobody tells what became of it.
    entry json NOT NULL
);

CREATE INDEX reservations_expires_at ON ledger.reservations (expires_at);

-- Whether a budget counts a request with these labels.
CREATE FUNCTION ledger.applies(scope text, subject text, key_id text, user_name text, tags text[], model text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        CASE scope
            WHEN 'global' THEN true
            WHEN 'key' THEN subject = key_id
            WHEN 'user' THEN subject = user_name
            WHEN 'tag' THEN subject = ANY (tags)
            ELSE subject = model
        END,
        false
    )
$$;

-- Adds the entries with ids from `first` to `last`, which occurred from `since` to `until`, to what was spent.
CREATE FUNCTION ledger.charge(first bigint, last bigint, since timestamptz, until timestamptz)
RETURNS void LANGUAGE sql AS $$
    UPDATE ledger.spending SET spent = spending.spent + charged.cost
    FROM (
        SELECT period.budget_id, period.period_start, period.period_end, sum(entries.cost) AS cost
        FROM ledger.entries
        JOIN ledger.spending AS period
            ON entries.charged_at >= period.period_start AND entries.charged_at < period.period_end
        JOIN ledger.budgets ON budgets.id = period.budget_id
        WHERE entries.id BETWEEN first AND last AND entries.occurred_at BETWEEN since AND until
            AND entries.cost <> 0
            AND ledger.applies(scope, subject, entries.key_id, entries.user_name, entries.tags, entries.model)
        GROUP BY 1, 2, 3
    ) AS charged
    WHERE spending.budget_id = charged.budget_id
        AND spending.period_start = charged.period_start AND spending.period_end = charged.period_end
$$;
