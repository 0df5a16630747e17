package emulator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// userCodeAlphabet leaves out what people mistake for something else.
const userCodeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// deviceCode: POST /v1/device/code starts the sign-in of a device that has no keyboard.
func (e *Emulator) deviceCode(ctx context.Context, c *call) (any, error) {
	var req struct {
		Scope string `json:"scope"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if err := checkScope(req.Scope); err != nil {
		return nil, err
	}
	code := make([]byte, 8)
	for i := range code {
		code[i] = userCodeAlphabet[e.intn(len(userCodeAlphabet))]
	}
	answer := struct {
		DeviceCode      string `json:"device_code"`
		UserCode        string `json:"user_code"`
		ExpiresIn       int    `json:"expires_in"`
		Interval        int    `json:"interval"`
		VerificationURI string `json:"verification_uri"`
		Complete        string `json:"verification_uri_complete"`
	}{
		e.token(32), string(code[:4]) + "-" + string(code[4:]), int(deviceCodeLife / time.Second), deviceInterval,
		e.verificationURI(c), "",
	}
	answer.Complete = withParam(answer.VerificationURI, "user_code", answer.UserCode)
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "INSERT INTO device_codes (hash, user_code, env, client_id, scope, pause, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			hashOf(answer.DeviceCode), answer.UserCode, c.env(), c.client.id, req.Scope, deviceInterval,
			e.now().Add(deviceCodeLife).UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// verificationURI is where a device sends people: the page that the setting names, or the
// emulator's own.
func (e *Emulator) verificationURI(c *call) string {
	uri := e.settings.get().VerificationURI
	if uri == "" {
		return origin(c.request) + "/device"
	}
	return withParam(withParam(uri, "env_id", c.env()), "client_id", c.client.id)
}

// withParam appends a parameter to an address without a hash, unless it has it already.
func withParam(uri, name, value string) string {
	before, query, _ := strings.Cut(uri, "?")
	if params, err := url.ParseQuery(query); err == nil && params.Has(name) {
		return uri
	}
	if query != "" {
		query += "&"
	}
	return before + "?" + query + name + "=" + url.QueryEscape(value)
}

// normalUserCode is a user code as it is stored, however it was typed.
func normalUserCode(typed string) string {
	code := strings.Map(func(r rune) rune {
		if !strings.ContainsRune(userCodeAlphabet, r) {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(code) != 8 {
		return ""
	}
	return code[:4] + "-" + code[4:]
}

// authorizeDevice: POST /v1/user/device/authorize lets a device in as the caller.
func (e *Emulator) authorizeDevice(ctx context.Context, c *call) (any, error) {
	var req struct {
		UserCode string `json:"user_code"`
		ClientID string `json:"client_id"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	code := normalUserCode(req.UserCode)
	return nothing{}, e.store.write(ctx, func(tx *sql.Tx) error {
		var sub string
		var denied bool
		var expiresAt int64
		err := tx.QueryRowContext(ctx, "SELECT sub, denied, expires_at FROM device_codes WHERE user_code = ? AND env = ? AND (? = '' OR client_id = ?)",
			code, c.env(), req.ClientID, req.ClientID).Scan(&sub, &denied, &expiresAt)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return failText("invalid_argument", textBadUserCode)
		case err != nil:
			return fmt.Errorf("emulator: read user code: %w", err)
		case sub != "" || denied:
			return failText("failed_precondition", textUsedUserCode)
		case expiresAt <= e.now().UnixMilli():
			return fail("expired_token")
		}
		_, err = run(ctx, tx, "UPDATE device_codes SET sub = ? WHERE user_code = ? AND env = ?", c.user.sub, code, c.env())
		return err
	})
}

// redeemDeviceCode is a device's poll. Each one that comes too early makes it wait five seconds
// longer.
func (e *Emulator) redeemDeviceCode(ctx context.Context, c *call, code string) (any, error) {
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		var sub, scope string
		var denied bool
		var pause, polledAt, expiresAt int64
		err := tx.QueryRowContext(ctx, `SELECT sub, scope, denied, pause, polled_at, expires_at FROM device_codes
			WHERE hash = ? AND env = ? AND client_id = ?`, hashOf(code), c.env(), c.client.id).
			Scan(&sub, &scope, &denied, &pause, &polledAt, &expiresAt)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, failText("invalid_grant", textBadAuthCode)
		}
		if err != nil {
			return nil, fmt.Errorf("emulator: read device code: %w", err)
		}
		now := e.now().UnixMilli()
		switch {
		case expiresAt <= now:
			return nil, fail("expired_token")
		case denied:
			return nil, fail("access_denied")
		case now < polledAt+pause*1000:
			_, err := run(ctx, tx, "UPDATE device_codes SET polled_at = ?, pause = pause + 5 WHERE hash = ?", now, hashOf(code))
			if err != nil {
				return nil, err
			}
			return nil, keep(fail("slow_down"))
		case sub == "":
			if _, err := run(ctx, tx, "UPDATE device_codes SET polled_at = ? WHERE hash = ?", now, hashOf(code)); err != nil {
				return nil, err
			}
			return nil, keep(fail("authorization_pending"))
		}
		u, err := userBy(ctx, tx, c.env(), "sub", sub)
		if err != nil {
			return nil, err
		}
		if u == nil || u.mayEnter() != nil {
			return nil, fail("access_denied")
		}
		// It gives nothing again, and its user code is known as a used one for a while.
		if _, err := run(ctx, tx, "UPDATE device_codes SET hash = user_code WHERE hash = ?", hashOf(code)); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, login{from: fromDevice, scope: scope})
	})
}

// getDevicePage: GET /device is where a device sends people. The emulator has no sign-in page, so
// an app that is signed in has to say yes; saying no works here.
func (e *Emulator) getDevicePage(w http.ResponseWriter, r *http.Request) error {
	return e.sendPageOf(w, r, http.StatusOK, "device", pageData{
		UserCode: normalUserCode(r.URL.Query().Get("user_code")), Action: "/device",
	})
}

// postDevicePage: POST /device refuses a device.
func (e *Emulator) postDevicePage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "UPDATE device_codes SET denied = 1 WHERE user_code = ? AND sub = ''", normalUserCode(r.PostFormValue("user_code")))
		return err
	})
	if err != nil {
		return err
	}
	return e.sendPageOf(w, r, http.StatusOK, "notice", pageData{
		Notice: text{"已拒绝该设备。", "The device has been refused."}.in(localeOf(r)),
	})
}
