package authclient_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"testing"
	"time"

	"tcb-login/authclient"
)

// ticketKey is the file that an app's own server signs tickets with.
type ticketKey struct {
	ID    string `json:"private_key_id"`
	Key   string `json:"private_key"`
	EnvID string `json:"env_id"`
}

// ticket is what TCB's node SDK makes: times in it are milliseconds.
func (k ticketKey) ticket(uid string, issued time.Time) (string, error) {
	block, _ := pem.Decode([]byte(k.Key))
	if block == nil {
		return "", errors.New("the key is not PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	now := issued.UnixMilli()
	payload, err := json.Marshal(map[string]any{
		"alg": "RS256", "env": k.EnvID, "iat": now, "exp": now + 10*60*1000, "uid": uid,
		"refresh": 3600 * 1000, "expire": now + 7*24*3600*1000,
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return k.ID + "/@@/" + text + "." + encode(signature), nil
}

func TestSignInWithCustomTicket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	_, err := f.SignInWithCustomTicket(ctx)
	if e := refusal(t, err, authclient.ErrFailedPrecondition); e.Op != "SignInWithCustomTicket" || e.Status != 0 || e.Description == "" {
		t.Errorf("without a function: %#v", e)
	}
	broken := errors.New("our server is down")
	f.SetCustomSignFunc(func(context.Context) (string, error) { return "", broken })
	if _, err := f.SignInWithCustomTicket(ctx); err != broken {
		t.Errorf("got %v, want the function's own error", err)
	}
	if n := f.seen.count("POST /auth/v1/signin/custom"); n != 0 {
		t.Errorf("%d calls without a ticket", n)
	}

	var key, west ticketKey
	f.control(http.MethodGet, "custom-login-key?env=demo-env", "", &key)
	f.control(http.MethodGet, "custom-login-key?env=west-env", "", &west)
	signIn := func(k ticketKey, uid string) (*authclient.Credentials, error) {
		issued := f.clock.now()
		f.SetCustomSignFunc(func(asked context.Context) (string, error) {
			if asked != ctx {
				t.Error("the function got another context")
			}
			return k.ticket(uid, issued)
		})
		return f.SignInWithCustomTicket(ctx)
	}
	signedUp, err := signIn(key, "user-1@#")
	if err != nil {
		t.Fatal(err)
	}
	f.clock.advance(10*time.Minute - time.Second)
	again, err := f.SignInWithCustomTicket(ctx)
	if err != nil || again.Sub != signedUp.Sub {
		t.Errorf("signed in as %v, then %v, %v", signedUp, again, err)
	}
	if info := f.info(again); len(info.Providers) != 1 || info.Providers[0].ID != "custom" || info.Providers[0].ProviderUserID != "user-1@#" {
		t.Errorf("got providers %+v", info.Providers)
	}
	f.clock.advance(time.Second)
	_, err = f.SignInWithCustomTicket(ctx)
	refusal(t, err, authclient.ErrInvalidArgument) // too old
	if another, err := signIn(key, "user-2"); err != nil || another.Sub == signedUp.Sub {
		t.Errorf("another uid is %v, %v", another, err)
	}
	for _, uid := range []string{"", "abc", "with blank", "abcdefghijklmnopqrstuvwxyz0123456"} {
		_, err := signIn(key, uid)
		refusal(t, err, authclient.ErrInvalidArgument)
	}
	_, err = signIn(west, "user-1")
	refusal(t, err, authclient.ErrInvalidArgument) // another environment's key
	_, err = signIn(ticketKey{ID: west.ID, Key: west.Key, EnvID: "demo-env"}, "user-1")
	refusal(t, err, authclient.ErrInvalidArgument)
	f.settings(`{"providers":{"custom":{"On":false}}}`)
	_, err = signIn(key, "user-1")
	refusal(t, err, authclient.ErrProviderNotEnabled)
}
