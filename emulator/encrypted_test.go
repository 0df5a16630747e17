package emulator

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
)

// encrypt does what the SDK's encryptLong does: one block if it fits, else blocks of 117
// characters, each without its leading zero bytes, joined.
func (f *fixture) encryptText(plain string) (params, thumbprint string) {
	f.t.Helper()
	a := f.post("/v2/signin/publichkey", object{}).ok()
	block, _ := pem.Decode([]byte(a.str("public_key")))
	if block == nil {
		f.t.Fatal("the public key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		f.t.Fatal(err)
	}
	key := parsed.(*rsa.PublicKey)
	pieces := []string{plain}
	if len(plain) > key.Size()-11 {
		pieces = nil
		for ; len(plain) > 117; plain = plain[117:] {
			pieces = append(pieces, plain[:117])
		}
		pieces = append(pieces, plain)
	}
	var all []byte
	for _, piece := range pieces {
		all = append(all, encryptBlock(f.t, key, []byte(piece))...)
	}
	return base64.StdEncoding.EncodeToString(all), a.str("public_key_thumbprint")
}

func encryptBlock(t *testing.T, key *rsa.PublicKey, plain []byte) []byte {
	t.Helper()
	//lint:ignore SA1019 the SDK encrypts so
	cipher, err := rsa.EncryptPKCS1v15(rand.Reader, key, plain)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimLeft(cipher, "\x00")
}

func (f *fixture) updatePassword(username, old, next string) answer {
	f.t.Helper()
	encOld, thumbprint := f.encryptText(old)
	encNew, _ := f.encryptText(next)
	return f.post("/v2/signin/password/update", object{
		"username": username, "password": encOld, "new_password": encNew, "public_key_thumbprint": thumbprint,
	})
}

func TestEncryptedSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signIn := func(path, plain string) answer {
		params, thumbprint := f.encryptText(plain)
		return f.post(path, object{"params": params, "public_key_thumbprint": thumbprint})
	}
	in := signIn("/v2/signin/username", `{"username":"demo","password":"Demo-pass-1"}`).ok()
	f.do("GET", "/auth/v2/user/me", "", "Authorization", "Bearer "+in.str("access_token")).ok()
	f.post("/v2/token", object{"grant_type": "refresh_token", "refresh_token": in.str("refresh_token")}).ok()
	signIn("/v1/signin", `{"username":"demo","password":"Demo-pass-1"}`).ok()
	signIn("/v2/signin/username", `{"username":"demo@example.com","verification_token":"`+f.verified(demoEmail)+`"}`).ok()
	long := `{"username":"demo","password":"Demo-pass-1","padding":"` + strings.Repeat("x", 700) + `"}`
	signIn("/v2/signin/username", long).ok()

	signIn("/v2/signin/username", `{"username":"demo","password":"wrong"}`).fails("invalid_password")
	signIn("/v2/signin/username", `no JSON`).fails("invalid_argument")
	params, thumbprint := f.encryptText(`{"username":"demo","password":"Demo-pass-1"}`)
	for name, body := range map[string]object{
		"plain":           {"username": "demo", "password": demoPassword},
		"another key":     {"params": params, "public_key_thumbprint": "x"},
		"no base64":       {"params": "!", "public_key_thumbprint": thumbprint},
		"garbage":         {"params": base64.StdEncoding.EncodeToString(make([]byte, 256)), "public_key_thumbprint": thumbprint},
		"too many blocks": {"params": strings.Repeat("AAAA", 2000), "public_key_thumbprint": thumbprint},
		"half of a block": {"params": params[:100], "public_key_thumbprint": thumbprint},
	} {
		t.Run(name, func(t *testing.T) { answerFor(t, f.post("/v2/signin/username", body)).fails("invalid_argument") })
	}
}

// TestShortBlocks decrypts blocks that lack their leading zero bytes: one in 256 does.
func TestShortBlocks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, thumbprint := f.encryptText("x")
	key := &testKey().PublicKey
	short := func() []byte {
		for {
			if block := encryptBlock(t, key, []byte("short ")); len(block) < key.Size() {
				return block
			}
		}
	}
	full := func() []byte {
		for {
			if block := encryptBlock(t, key, []byte("full ")); len(block) == key.Size() {
				return block
			}
		}
	}
	brief, whole := short(), full()
	for name, test := range map[string]struct {
		blocks [][]byte
		want   string
	}{
		"alone":  {[][]byte{brief}, "short "},
		"first":  {[][]byte{brief, whole}, "short full "},
		"middle": {[][]byte{whole, brief, whole}, "full short full "},
		"last":   {[][]byte{whole, whole, brief}, "full full short "},
	} {
		got, err := f.decrypt(t.Context(), thumbprint, base64.StdEncoding.EncodeToString(bytes.Join(test.blocks, nil)))
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestFromCESU(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                              "",
		"plain 汉字":                      "plain 汉字",
		"a\xed\xa0\xbd\xed\xb8\x80b":    "a😀b",
		"\xed\xa0\xbd":                  "\xed\xa0\xbd",
		"\xed\xb8\x80\xed\xa0\xbd tail": "\xed\xb8\x80\xed\xa0\xbd tail",
	} {
		if got := string(fromCESU([]byte(given))); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func TestUpdatePassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.signInDemo().str("access_token")
	f.updatePassword("demo", "wrong", goodPassword).fails("invalid_password")
	f.updatePassword("nobody", "wrong", goodPassword).fails("not_found")
	f.updatePassword("demo", demoPassword, "weak").fails("invalid_argument")
	f.post("/v2/signin/password/update", object{"username": "demo", "password": "x", "new_password": "y"}).fails("invalid_argument")
	f.post("/v2/signin/password/update", object{"username": "demo"}).fails("invalid_argument")
	f.updatePassword("demo", demoPassword, goodPassword).ok()
	f.me(token).fails("unauthenticated")
	f.post("/v1/signin", object{"username": "demo", "password": goodPassword}).ok()

	// The same, signed in.
	token = f.post("/v1/signin", object{"username": "demo", "password": goodPassword}).ok().str("access_token")
	encOld, thumbprint := f.encryptText(goodPassword)
	encNew, _ := f.encryptText("Abcdef-2")
	edit := func(body object) answer { return f.as(token, "POST", "/v1/user/basic/edit", body) }
	edit(object{"encrypt_new_password": encNew, "public_key_thumbprint": thumbprint}).fails("invalid_argument")
	edit(object{"encrypt_password": "x", "encrypt_new_password": encNew, "public_key_thumbprint": thumbprint}).fails("invalid_argument")
	edit(object{"encrypt_password": encOld, "encrypt_new_password": encNew, "public_key_thumbprint": thumbprint}).ok()
	f.post("/v1/signin", object{"username": "demo", "password": "Abcdef-2"}).ok()
}

func TestSignInWithVerificationCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signIn := func(body object) answer { return f.post("/v2/signin/verificationcode", body) }
	id, code := f.send(demoEmail)
	signIn(object{"verification_token": id, "verification_code": wrongCode(code)}).fails("invalid_argument")
	in := signIn(object{"verification_token": id, "verification_code": code}).ok()
	if got := f.me(in.str("access_token")).str("loginType"); got != "EMAIL" {
		t.Errorf("loginType %s", got)
	}
	signIn(object{"verification_token": id, "verification_code": code}).fails("invalid_argument")
	id, code = f.send("nobody@example.com")
	signIn(object{"verification_id": id, "verification_code": code}).fails("not_found")
	f.clock.advance(sendPause)
	id, code = f.send(demoEmail)
	for range wrongCodes - 1 {
		signIn(object{"verification_id": id, "verification_code": wrongCode(code)}).fails("invalid_argument")
	}
	signIn(object{"verification_id": id, "verification_code": wrongCode(code)}).fails("aborted")

	// Sign-up takes the code itself too.
	f.clock.advance(sendPause)
	_, code = f.send("new@example.com")
	f.post("/v1/signup", object{"email": "new@example.com", "verification_code": wrongCode(code)}).fails("invalid_argument")
	f.post("/v1/signup", object{"email": "new@example.com", "verification_code": code}).ok()
}
