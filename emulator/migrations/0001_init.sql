-- Times are Unix milliseconds. Every row belongs to one environment.

CREATE TABLE keys (
    kid        TEXT PRIMARY KEY,
    pem        TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    env                 TEXT NOT NULL,
    sub                 TEXT NOT NULL,
    username            TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
    email               TEXT NOT NULL DEFAULT '',
    phone_number        TEXT NOT NULL DEFAULT '',
    name                TEXT NOT NULL DEFAULT '',
    picture             TEXT NOT NULL DEFAULT '',
    gender              TEXT NOT NULL DEFAULT '',
    birthdate           TEXT NOT NULL DEFAULT '',
    locale              TEXT NOT NULL DEFAULT '',
    zoneinfo            TEXT NOT NULL DEFAULT '',
    status              TEXT NOT NULL DEFAULT 'ACTIVE',
    password_hash       TEXT NOT NULL DEFAULT '',
    password_updated_at INTEGER NOT NULL DEFAULT 0,
    anonymous           INTEGER NOT NULL DEFAULT 0,
    device_hash         TEXT NOT NULL DEFAULT '', -- anonymous users only
    created_from        TEXT NOT NULL DEFAULT '', -- the client
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    PRIMARY KEY (env, sub)
) STRICT;
CREATE UNIQUE INDEX users_username ON users (env, username) WHERE username <> '';
CREATE UNIQUE INDEX users_email ON users (env, email) WHERE email <> '';
CREATE UNIQUE INDEX users_phone_number ON users (env, phone_number) WHERE phone_number <> '';
CREATE UNIQUE INDEX users_device ON users (env, device_hash) WHERE device_hash <> '';

CREATE TABLE sessions (
    id                 TEXT PRIMARY KEY, -- the claim "nonce" of its access tokens
    env                TEXT NOT NULL,
    sub                TEXT NOT NULL,
    client_id          TEXT NOT NULL,
    device_id          TEXT NOT NULL,
    user_agent         TEXT NOT NULL,
    refresh_hash       TEXT NOT NULL UNIQUE,
    refresh_expires_at INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    refreshed_at       INTEGER NOT NULL,
    FOREIGN KEY (env, sub) REFERENCES users (env, sub) ON DELETE CASCADE
) STRICT;
CREATE INDEX sessions_user ON sessions (env, sub);
CREATE INDEX sessions_expiry ON sessions (refresh_expires_at);

CREATE TABLE verifications (
    id         TEXT PRIMARY KEY,
    env        TEXT NOT NULL,
    channel    TEXT NOT NULL,
    target     TEXT NOT NULL,
    code       TEXT NOT NULL,
    wrong      INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX verifications_target ON verifications (env, channel, target);

CREATE TABLE verification_tokens (
    hash       TEXT PRIMARY KEY,
    env        TEXT NOT NULL,
    channel    TEXT NOT NULL,
    target     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- What was sent: the outbox, and what the sending limits count.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    env        TEXT NOT NULL,
    channel    TEXT NOT NULL,
    target     TEXT NOT NULL,
    code       TEXT NOT NULL,
    usage      TEXT NOT NULL,
    locale     TEXT NOT NULL,
    body       TEXT NOT NULL,
    withheld   INTEGER NOT NULL, -- 1: refused because of who has the target; counted all the same
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_target ON messages (env, channel, target, created_at);

-- Wrong passwords. The key is a user, or the hash of an identifier that nobody has.
CREATE TABLE password_failures (
    env     TEXT NOT NULL,
    account TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX password_failures_account ON password_failures (env, account, at);

CREATE TABLE captchas (
    token      TEXT PRIMARY KEY,
    env        TEXT NOT NULL,
    answer     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE captcha_tokens (
    hash       TEXT PRIMARY KEY,
    env        TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
