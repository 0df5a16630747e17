package emulator

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tcb-login/pattern"
)

// Custom login: an app's own server signs a ticket with a key that the console made, and the
// browser trades it for tokens.

// oldKeyLife is how long a key still serves after a new one was made.
const oldKeyLife = 2 * time.Hour

// customLoginKey is the file tcb_custom_login.json, as @cloudbase/node-sdk takes it.
type customLoginKey struct {
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	EnvID        string `json:"env_id"`
}

// getCustomLoginKey: GET /__emulator/custom-login-key?env= answers with the key file of an
// environment, made at the first time.
func (e *Emulator) getCustomLoginKey(w http.ResponseWriter, r *http.Request) error {
	return e.sendCustomLoginKey(w, r, false)
}

// postCustomLoginKey: POST /__emulator/custom-login-key?env= makes another key; the one before
// serves for two hours more.
func (e *Emulator) postCustomLoginKey(w http.ResponseWriter, r *http.Request) error {
	return e.sendCustomLoginKey(w, r, true)
}

func (e *Emulator) sendCustomLoginKey(w http.ResponseWriter, r *http.Request, another bool) error {
	place, err := e.environmentOf(r, "invalid_argument")
	if err != nil {
		return err
	}
	env := place.ID
	key := customLoginKey{EnvID: env}
	ctx := r.Context()
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT id, pem FROM custom_login_keys WHERE env = ? AND expires_at = 0", env).
			Scan(&key.PrivateKeyID, &key.PrivateKey)
		if err == nil && !another {
			return nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("emulator: read the custom login key: %w", err)
		}
		private := e.givenKey
		if private == nil {
			if private, err = rsa.GenerateKey(e.random, 2048); err != nil {
				return fmt.Errorf("emulator: make the custom login key: %w", err)
			}
		}
		now := e.now()
		if _, err := run(ctx, tx, "UPDATE custom_login_keys SET expires_at = ? WHERE env = ? AND expires_at = 0",
			now.Add(oldKeyLife).UnixMilli(), env); err != nil {
			return err
		}
		key.PrivateKeyID = e.uuid()
		key.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
		_, err = run(ctx, tx, "INSERT INTO custom_login_keys (id, env, pem, created_at) VALUES (?, ?, ?, ?)",
			key.PrivateKeyID, env, key.PrivateKey, now.UnixMilli())
		return err
	})
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, key)
	return nil
}

var ticketUID = pattern.New(`^[a-zA-Z0-9_\-#@~=*(){}[\]:.,<>+]{4,32}$`)

// readTicket checks a ticket, "<key id>/@@/<JWT>", and returns whom it is for.
func (e *Emulator) readTicket(ctx context.Context, env, ticket string) (string, error) {
	id, signed, ok := strings.Cut(ticket, "/@@/")
	if !ok {
		return "", failText("invalid_argument", textBadTicket)
	}
	var encoded string
	now := e.now().UnixMilli()
	err := e.store.db.QueryRowContext(ctx, "SELECT pem FROM custom_login_keys WHERE id = ? AND env = ? AND (expires_at = 0 OR expires_at > ?)",
		id, env, now).Scan(&encoded)
	if errors.Is(err, sql.ErrNoRows) {
		return "", failText("invalid_argument", textBadTicket)
	}
	if err != nil {
		return "", fmt.Errorf("emulator: read the custom login key: %w", err)
	}
	block, _ := pem.Decode([]byte(encoded))
	if block == nil {
		return "", errors.New("emulator: the stored custom login key is not PEM")
	}
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("emulator: the stored custom login key: %w", err)
	}
	// All times in it are milliseconds, iat and exp too, so the library may not judge them.
	claims := jwt.MapClaims{}
	_, err = jwt.ParseWithClaims(signed, claims, func(*jwt.Token) (any, error) { return &private.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	uid, _ := claims["uid"].(string)
	if err != nil || claims["env"] != env || !ticketUID.MatchString(uid) {
		return "", failText("invalid_argument", textBadTicket)
	}
	if expires, _ := claims["exp"].(float64); int64(expires) <= now {
		return "", failText("invalid_argument", textOldTicket)
	}
	return uid, nil
}

// signInCustom: POST /v1/signin/custom finds or makes the user that has the ticket's uid at the
// provider "custom".
func (e *Emulator) signInCustom(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderID string `json:"provider_id"`
		Ticket     string `json:"ticket"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if rule, ok := e.provider(cmp.Or(req.ProviderID, providerCustom)); !ok || !rule.On || req.ProviderID != "" && req.ProviderID != providerCustom {
		return nil, fail("provider_not_enabled")
	}
	uid, err := e.readTicket(ctx, c.env(), req.Ticket)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		u, err := identityOwner(ctx, tx, c.env(), providerCustom, uid)
		if err != nil {
			return nil, err
		}
		if u == nil {
			if u, err = e.accountFor(ctx, tx, c, ""); err != nil {
				return nil, err
			}
			if err := saveUser(ctx, tx, u); err != nil {
				return nil, err
			}
			if err := e.bind(ctx, tx, u, &providerProfile{ProviderID: providerCustom, Sub: uid}); err != nil {
				return nil, err
			}
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, login{kind: loginCustom, from: fromTicket, provider: providerCustom})
	})
}
