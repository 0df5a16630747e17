-- The rest of the API: third-party identities, custom-login tickets, step-up, history, OAuth2.

ALTER TABLE keys ADD COLUMN purpose TEXT NOT NULL DEFAULT 'sign'; -- or "encrypt", for v2 sign-in

ALTER TABLE users ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN group_ids TEXT NOT NULL DEFAULT ''; -- separated by blanks; none means the default group
ALTER TABLE users ADD COLUMN password_initial INTEGER NOT NULL DEFAULT 0; -- 1: somebody else chose it

ALTER TABLE sessions ADD COLUMN login_type TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN provider_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN scope TEXT NOT NULL DEFAULT ''; -- none means the user's own
CREATE INDEX sessions_device ON sessions (env, sub, device_id);

-- Who asked for the code, when that was somebody signed in.
ALTER TABLE verifications ADD COLUMN sub TEXT NOT NULL DEFAULT '';
ALTER TABLE verification_tokens ADD COLUMN sub TEXT NOT NULL DEFAULT '';

CREATE TABLE identities (
    env              TEXT NOT NULL,
    provider_id      TEXT NOT NULL,
    provider_user_id TEXT NOT NULL,
    sub              TEXT NOT NULL,
    profile          TEXT NOT NULL, -- JSON, as the provider told it
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (env, provider_id, provider_user_id),
    FOREIGN KEY (env, sub) REFERENCES users (env, sub) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX identities_user ON identities (env, sub, provider_id);

-- What a provider's consent page hands out. An empty profile stands for a provider that fails.
CREATE TABLE provider_codes (
    hash         TEXT PRIMARY KEY,
    kind         TEXT NOT NULL, -- code, access_token or id_token
    env          TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    profile      TEXT NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE provider_tokens (
    hash       TEXT PRIMARY KEY,
    env        TEXT NOT NULL,
    profile    TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE scans (
    id             TEXT PRIMARY KEY,
    env            TEXT NOT NULL,
    app_id         TEXT NOT NULL,
    status         TEXT NOT NULL,
    provider_token TEXT NOT NULL DEFAULT '', -- not hashed: it is what the page that shows the picture gets
    expires_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE custom_login_keys (
    id         TEXT PRIMARY KEY,
    env        TEXT NOT NULL,
    pem        TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL DEFAULT 0 -- 0: the current one
) STRICT;

CREATE TABLE sudo_tokens (
    hash       TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sudo_tokens_session ON sudo_tokens (session_id);

CREATE TABLE history (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    env        TEXT NOT NULL,
    sub        TEXT NOT NULL,
    action     TEXT NOT NULL,
    origin     TEXT NOT NULL, -- how: the row's meta.from
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (env, sub) REFERENCES users (env, sub) ON DELETE CASCADE
) STRICT;
CREATE INDEX history_user ON history (env, sub, id);

CREATE TABLE authorization_codes (
    hash           TEXT PRIMARY KEY,
    env            TEXT NOT NULL,
    sub            TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    scope          TEXT NOT NULL,
    nonce          TEXT NOT NULL,
    challenge      TEXT NOT NULL,
    method         TEXT NOT NULL,
    session_id     TEXT NOT NULL DEFAULT '', -- set when used: using it again ends that session
    expires_at     INTEGER NOT NULL,
    FOREIGN KEY (env, sub) REFERENCES users (env, sub) ON DELETE CASCADE
) STRICT;

CREATE TABLE device_codes (
    hash       TEXT PRIMARY KEY,
    user_code  TEXT NOT NULL UNIQUE,
    env        TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    scope      TEXT NOT NULL,
    sub        TEXT NOT NULL DEFAULT '', -- who said yes
    denied     INTEGER NOT NULL DEFAULT 0,
    pause      INTEGER NOT NULL, -- seconds between two polls
    polled_at  INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE captcha_pages (
    id           TEXT PRIMARY KEY,
    env          TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    state        TEXT NOT NULL,
    wrong        INTEGER NOT NULL DEFAULT 0,
    caller       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;
