package emulator

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// store is the database. Reads go to db; every change goes through write.
type store struct {
	db        *sql.DB
	now       func() time.Time
	writing   chan struct{} // one token: writers queue here, fairly, rather than poll SQLite's lock
	cleanedAt atomic.Int64
}

// querier is a database or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// openStore opens or makes the file and brings its tables up to date. The file holds a private key:
// only its owner may read it.
func openStore(path string, now func() time.Time) (*store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("emulator: database path: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("emulator: make the database folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("emulator: open the database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("emulator: open the database: %w", err)
	}
	// Pragmas belong into the DSN: set by Exec they would reach one connection of the pool only.
	// _txlock=immediate takes the write lock at BEGIN; a deferred transaction that turns into a
	// writer fails at once, whatever the busy timeout.
	dsn := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String() +
		"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("emulator: open the database: %w", err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	s := &store{db: db, now: now, writing: make(chan struct{}, 1)}
	if err := s.migrate(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("emulator: the database %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *store) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("emulator: close the database: %w", err)
	}
	return nil
}

// migrate runs the numbered files that the database has not seen. Its version is the number of
// files it has seen.
func (s *store) migrate(ctx context.Context) error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted by name, and so by number
	if err != nil {
		return fmt.Errorf("emulator: list migrations: %w", err)
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return fmt.Errorf("emulator: read the database version: %w", err)
		}
		if version > len(files) {
			return fmt.Errorf("emulator: the database has version %d, this program knows %d", version, len(files))
		}
		for _, name := range files[version:] {
			script, err := migrations.ReadFile(name)
			if err != nil {
				return fmt.Errorf("emulator: read %s: %w", name, err)
			}
			if _, err := tx.ExecContext(ctx, string(script)); err != nil {
				return fmt.Errorf("emulator: run %s: %w", name, err)
			}
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(files))); err != nil {
			return fmt.Errorf("emulator: write the database version: %w", err)
		}
		return nil
	})
}

// keptError is a refusal whose transaction is committed all the same: a wrong try must count.
type keptError struct{ error }

func (k keptError) Unwrap() error { return k.error }

func keep(err error) error { return keptError{err} }

// write runs a change as one immediate transaction. An error rolls it back unless it was wrapped by
// keep. Expired rows are swept on the way, at most once a minute.
func (s *store) write(ctx context.Context, change func(tx *sql.Tx) error) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		if now := s.now(); now.Sub(time.UnixMilli(s.cleanedAt.Load())).Abs() > time.Minute {
			if err := sweep(ctx, tx, now); err != nil {
				return err
			}
			s.cleanedAt.Store(now.UnixMilli())
		}
		return change(tx)
	})
}

func (s *store) transact(ctx context.Context, change func(tx *sql.Tx) error) error {
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("emulator: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	refusal := change(tx)
	var kept keptError
	if refusal != nil && !errors.As(refusal, &kept) {
		return refusal
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("emulator: commit: %w", err)
	}
	if refusal != nil {
		return kept.error
	}
	return nil
}

// sweep deletes what has expired. Messages stay two days, since the daily sending limits count
// them.
func sweep(ctx context.Context, tx *sql.Tx, now time.Time) error {
	for _, old := range []struct {
		table, column string
		after         time.Duration
	}{
		{"sessions", "refresh_expires_at", 0},
		{"verifications", "expires_at", 0},
		{"verification_tokens", "expires_at", 0},
		{"captchas", "expires_at", 0},
		{"captcha_tokens", "expires_at", 0},
		{"captcha_pages", "expires_at", 0},
		{"provider_codes", "expires_at", 0},
		{"provider_tokens", "expires_at", 0},
		{"scans", "expires_at", time.Hour}, // for a while they answer that they have expired
		{"sudo_tokens", "expires_at", 0},
		{"authorization_codes", "expires_at", 0},
		{"device_codes", "expires_at", time.Hour},
		{"password_failures", "at", failureWindow},
		{"messages", "created_at", 48 * time.Hour},
	} {
		query := "DELETE FROM " + old.table + " WHERE " + old.column + " <= ?"
		if _, err := tx.ExecContext(ctx, query, now.Add(-old.after).UnixMilli()); err != nil {
			return fmt.Errorf("emulator: sweep %s: %w", old.table, err)
		}
	}
	_, err := run(ctx, tx, "DELETE FROM custom_login_keys WHERE expires_at > 0 AND expires_at <= ?", now.UnixMilli())
	return err
}

// wipe deletes everything but the keys. What hangs off users and sessions goes with them.
func (s *store) wipe(ctx context.Context, tx *sql.Tx) error {
	for table := range strings.FieldsSeq(
		"sessions users verifications verification_tokens messages password_failures captchas captcha_tokens captcha_pages " +
			"provider_codes provider_tokens scans device_codes") {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return fmt.Errorf("emulator: wipe %s: %w", table, err)
		}
	}
	return nil
}

// run runs one statement and returns the number of rows it changed.
func run(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("emulator: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("emulator: %w", err)
	}
	return n, nil
}

// hashOf is how a secret token is stored. The tokens are long and random, so one round of SHA-256
// is enough.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// secondsUntil is the time left, rounded up, at least one second.
func secondsUntil(t, now time.Time) int64 {
	return max(1, int64((t.Sub(now)+time.Second-1)/time.Second))
}
