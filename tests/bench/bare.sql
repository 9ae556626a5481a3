CREATE TABLE bare (
    seq bigserial PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    user_name text NOT NULL UNIQUE,
    external_id text NOT NULL,
    document json NOT NULL
);
CREATE INDEX bare_external_id ON bare (external_id);
