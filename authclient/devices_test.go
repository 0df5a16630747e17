package authclient_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// onDevice signs the demo person in on a device.
func (f *fixture) onDevice(device string) *authclient.Credentials {
	f.t.Helper()
	creds, err := f.SignIn(f.t.Context(), authclient.SignInRequest{Username: demoEmail, VerificationToken: f.verified(demoEmail)},
		authclient.WithDeviceID(device), authclient.WithUserAgent("Browser of "+device), authclient.WithClientAddress("192.0.2.7"))
	if err != nil {
		f.t.Fatal(err)
	}
	return creds
}

func TestRevokeDevices(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	const laptop, phone = "laptop-0123456789", "phone-01234567890"
	onPhone, again := f.onDevice(phone), f.onDevice(phone)
	onLaptop := f.onDevice(laptop)
	var changes []change
	s := f.LoginState(*onLaptop, f.clock.now().Add(2*time.Hour), recorded(&changes))
	if err := s.RevokeDevice(ctx, phone); err != nil {
		t.Fatal(err)
	}
	f.gone(onPhone)
	f.gone(again)
	_, err := f.RefreshToken(ctx, onPhone.RefreshToken)
	refusal(t, err, authclient.ErrInvalidGrant)
	if _, err := s.GetUserInfo(ctx); err != nil {
		t.Errorf("the laptop: %v", err)
	}
	for _, device := range []string{phone, "", "../../me", "a b/c?d"} {
		refusal(t, s.RevokeDevice(ctx, device), authclient.ErrNotFound)
	}

	other := f.onDevice(phone)
	if err := s.RevokeAllDevices(ctx); err != nil {
		t.Fatal(err)
	}
	f.gone(other)
	f.gone(onLaptop)
	if diff := cmp.Diff([]change{{authclient.SignedOut, "", false}}, changes); diff != "" || s.HasLoginState() {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	refusal(t, s.RevokeAllDevices(ctx), authclient.ErrUnauthenticated)
}

func TestSecurityHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	for i := range 4 {
		f.onDevice(fmt.Sprintf("device-%d-0123456", i))
	}
	s := f.state(f.onDevice("device-4-0123456"))
	if err := s.BindWithProvider(ctx, f.identity("p-1")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: "New-pass-2", SudoToken: f.sudo(s, demoEmail)}); err != nil {
		t.Fatal(err)
	}
	// read takes all pages.
	read := func(kind authclient.HistoryKind, limit int) (rows []authclient.SecurityEvent, pages int) {
		t.Helper()
		in := authclient.SecurityHistoryRequest{Kind: kind, Limit: limit}
		for {
			page, err := s.GetSecurityHistory(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			rows, pages = append(rows, page.Rows...), pages+1
			if page.NextPageToken == "" {
				return rows, pages
			}
			if len(page.Rows) != limit {
				t.Fatalf("a page of %d rows that is not the last, want %d", len(page.Rows), limit)
			}
			in.PageToken = page.NextPageToken
		}
	}
	signIns, pages := read(authclient.HistorySignIns, 2)
	if len(signIns) != 5 || pages != 3 {
		t.Fatalf("%d sign-ins on %d pages, want 5 on 3", len(signIns), pages)
	}
	for i, row := range signIns {
		device := fmt.Sprintf("device-%d-0123456", 4-i) // newest first
		if row.Action != "USER_LOGIN" || row.DeviceID != device || row.UserAgent != "Browser of "+device || row.IP != "192.0.2.7" ||
			row.ClientID != "demo-env" || row.ID == "" || row.Meta.From == "" {
			t.Errorf("got %+v, want that of %s", row, device)
		}
		if _, err := time.Parse(time.RFC3339, row.CreatedAt); err != nil {
			t.Error(err)
		}
	}
	changes, _ := read(authclient.HistoryChanges, 1)
	actions := []string{}
	for _, row := range changes {
		actions = append(actions, row.Action)
	}
	if diff := cmp.Diff([]string{"USER_UPDATE_PASSWORD", "USER_BIND_PROVIDER"}, actions); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if all, _ := read(authclient.HistoryAll, 0); len(all) != 7 {
		t.Errorf("%d rows in all, want 7", len(all))
	}
	for _, in := range []authclient.SecurityHistoryRequest{{Limit: 100000}, {PageToken: "x"}} {
		_, err := s.GetSecurityHistory(ctx, in)
		refusal(t, err, authclient.ErrInvalidArgument)
	}
}
