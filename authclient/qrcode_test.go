package authclient_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
)

// A code is scanned, confirmed, and signs in; or refused, or too old.
func TestMiniProgramQRCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	const app = "wx0123456789abcdef"
	make := func() (id string, status func() *authclient.MiniProgramQRCodeStatus) {
		t.Helper()
		code, err := f.GetMiniProgramQRCode(ctx, app)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(code.QRCode, "data:image/png;base64,") || code.QRCodeID == "" || code.ExpiresIn != 300 {
			t.Errorf("got %.40s, %q, %d seconds", code.QRCode, code.QRCodeID, code.ExpiresIn)
		}
		return code.QRCodeID, func() *authclient.MiniProgramQRCodeStatus {
			t.Helper()
			got, err := f.GetMiniProgramQRCodeStatus(ctx, app, code.QRCodeID)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
	}
	phone := func(id string) string {
		var scans struct {
			Scans []struct{ ID, URL string }
		}
		f.control(http.MethodGet, "scans.json", "", &scans)
		for _, s := range scans.Scans {
			if s.ID == id {
				return s.URL
			}
		}
		t.Fatalf("the emulator does not list the code: %+v", scans)
		return ""
	}
	id, status := make()
	if got := status(); got.Status != "WAITING" || got.ProviderToken != "" || got.ExpiresIn != 300 {
		t.Errorf("at first: %+v", got)
	}
	page := f.browse(phone(id), nil)
	if got := status(); got.Status != "SCANNED" || got.ProviderToken != "" {
		t.Errorf("after the scan: %+v", got)
	}
	page.fields.Set("decision", "allow")
	page.fields.Set("sub", "openid-7")
	f.browse(page.action.String(), page.fields)
	got := status()
	if got.Status != "CONFIRMED" || got.ProviderToken == "" {
		t.Fatalf("after the yes: status %s", got.Status)
	}
	creds, err := f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: got.ProviderToken})
	if err != nil {
		t.Fatal(err)
	}
	if info := f.info(creds); len(info.Providers) != 1 || info.Providers[0].ID != app || info.Providers[0].ProviderUserID != "openid-7" {
		t.Errorf("signed in as %+v", info)
	}

	_, err = f.GetMiniProgramQRCodeStatus(ctx, app, "x")
	refusal(t, err, authclient.ErrInvalidArgument)
	_, err = f.GetMiniProgramQRCode(ctx, "demo")
	refusal(t, err, authclient.ErrProviderNotEnabled)
	_, status = make()
	f.clock.advance(301 * time.Second)
	if got := status(); got.Status != "EXPIRED" || got.ProviderToken != "" {
		t.Errorf("when it is too old: %+v", got)
	}
}
