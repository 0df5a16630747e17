package emulator

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"strings"
	"testing"
)

func TestCaptchaPicture(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.post("/v1/captcha/data", object{"state": "POST:/v1/verification", "redirect_uri": ""}).ok()
	if a.str("type") != "image" || a.body["expires_in"] != 300.0 {
		t.Errorf("got type %v, expires_in %v", a.body["type"], a.body["expires_in"])
	}
	encoded, ok := strings.CutPrefix(a.str("data"), "data:image/png;base64,")
	if !ok {
		t.Fatalf("data is %.40q", a.str("data"))
	}
	picture, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	if size := decoded.Bounds().Size(); size.X != captchaWidth || size.Y != captchaHeight {
		t.Errorf("the picture is %v", size)
	}
	dark := make([]int, captchaLength)
	for x := range captchaWidth {
		for y := range captchaHeight {
			if r, _, _, _ := decoded.At(x, y).RGBA(); r < 0x8000 {
				dark[x*captchaLength/captchaWidth]++
			}
		}
	}
	for i, n := range dark {
		if n < 60 {
			t.Errorf("only %d dark pixels where character %d should be", n, i)
		}
	}
	key := f.do("GET", "/__emulator/captcha/"+a.str("token"), "").ok().str("key")
	if len(key) != captchaLength || strings.Trim(key, captchaAlphabet) != "" {
		t.Errorf("the key is %q", key)
	}
	if strings.ContainsAny(captchaAlphabet, "01258BGILOQSZ") {
		t.Error("the alphabet is ambiguous")
	}
}

// A wrong picture is neither captcha_required nor captcha_invalid: at those the SDK opens another
// dialogue over the one it has.
func TestCaptchaVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	verify := func(path, token, key string) answer {
		t.Helper()
		return f.post("/v1/captcha/data/verify"+path, object{"token": token, "key": key})
	}
	picture := func() (token, key string) {
		token = f.post("/v1/captcha/data", object{}).ok().str("token")
		return token, f.do("GET", "/__emulator/captcha/"+token, "").ok().str("key")
	}
	token, key := picture()
	verify("?client_id=west", token, key).fails("invalid_argument") // another environment's, and no try
	a := verify("", token, " "+strings.ToLower(key)+" ").ok()
	if !strings.HasPrefix(a.str("captcha_token"), "v1.") || a.body["expires_in"] != 600.0 {
		t.Errorf("got %v", a.body)
	}
	verify("", token, key).fails("invalid_argument") // once

	token, key = picture()
	verify("", token, "0000").fails("invalid_argument")
	verify("", token, key).fails("invalid_argument") // dead
	if a := f.do("GET", "/__emulator/captcha/"+token, ""); a.status != 404 {
		t.Errorf("a dead picture's key: %d", a.status)
	}

	token, key = picture()
	f.clock.advance(captchaLife)
	verify("", token, key).fails("invalid_argument")
	verify("", "", "").fails("invalid_argument")
	f.post("/v1/captcha/data/verify", object{"token": 1}).fails("invalid_argument")
}

func TestParallelCaptchaGuesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.post("/v1/captcha/data", object{}).ok().str("token")
	key := f.do("GET", "/__emulator/captcha/"+token, "").ok().str("key")
	if got := f.parallel("/v1/captcha/data/verify", object{"token": token, "key": key}); got[nil] != 1 || got["invalid_argument"] != 49 {
		t.Errorf("50 parallel right keys: %v", got)
	}
}
