package emulator

import (
	"bytes"
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/math/fixed"
)

const (
	captchaLength    = 4 // the SDK's field takes four
	captchaLife      = 5 * time.Minute
	captchaTokenLife = 10 * time.Minute

	// No letter that looks like another one or like a digit, and none that the small font draws as
	// a blot.
	captchaAlphabet = "ACDEFHJKPRTUXY3479"

	captchaWidth, captchaHeight = 140, 48
)

// captchaAlways asks for a captcha where every call needs one.
func (e *Emulator) captchaAlways(ctx context.Context, c *call) error {
	if e.settings.get().Captcha != captchaAlways {
		return nil
	}
	return e.checkCaptchaToken(ctx, e.store.db, c)
}

// checkCaptchaToken wants a captcha token in the query, or in a header as the vendor's HTTP pages
// have it. One serves until it expires, whatever for: the SDK keeps it and sends it again.
func (e *Emulator) checkCaptchaToken(ctx context.Context, q querier, c *call) error {
	token := c.request.URL.Query().Get("captcha_token")
	if token == "" {
		token = c.request.Header.Get("X-Captcha-Token")
	}
	if token == "" {
		return fail("captcha_required")
	}
	var one int
	err := q.QueryRowContext(ctx, "SELECT 1 FROM captcha_tokens WHERE hash = ? AND env = ? AND expires_at > ?",
		hashOf(token), c.env(), e.now().UnixMilli()).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return fail("captcha_invalid")
	}
	if err != nil {
		return fmt.Errorf("emulator: read captcha token: %w", err)
	}
	return nil
}

// captchaData: POST /v1/captcha/data makes a picture.
func (e *Emulator) captchaData(ctx context.Context, c *call) (any, error) {
	token, picture, err := e.newCaptcha(ctx, c.env())
	if err != nil {
		return nil, err
	}
	return struct {
		Data      string `json:"data"`
		Token     string `json:"token"`
		Type      string `json:"type"`
		ExpiresIn int    `json:"expires_in"`
	}{picture, token, "image", int(captchaLife / time.Second)}, nil
}

// newCaptcha makes a picture and returns its token and itself, as a data: address.
func (e *Emulator) newCaptcha(ctx context.Context, env string) (token, picture string, err error) {
	key := make([]byte, captchaLength)
	for i := range key {
		key[i] = captchaAlphabet[e.intn(len(captchaAlphabet))]
	}
	drawn, err := e.drawCaptcha(string(key))
	if err != nil {
		return "", "", err
	}
	token = e.token(24)
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "INSERT INTO captchas (token, env, answer, expires_at) VALUES (?, ?, ?, ?)",
			token, env, string(key), e.now().Add(captchaLife).UnixMilli())
		return err
	})
	return token, "data:image/png;base64," + base64.StdEncoding.EncodeToString(drawn), err
}

// verifyCaptchaData: POST /v1/captcha/data/verify.
func (e *Emulator) verifyCaptchaData(ctx context.Context, c *call) (any, error) {
	var req struct {
		Token string `json:"token"`
		Key   string `json:"key"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	answer := struct {
		CaptchaToken string `json:"captcha_token"`
		ExpiresIn    int    `json:"expires_in"`
	}{ExpiresIn: int(captchaTokenLife / time.Second)}
	err := e.store.write(ctx, func(tx *sql.Tx) (err error) {
		answer.CaptchaToken, err = e.solveCaptcha(ctx, tx, c.env(), req.Token, req.Key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// solveCaptcha trades the answer of a picture for a captcha token. A picture is good for one try,
// right or wrong. A wrong one is no captcha_invalid: that code says that a captcha_token is bad,
// and the SDK, which sends this call through its captcha logic too, would open a second dialogue
// over the first. invalid_argument is documented as "incorrect or has expired".
func (e *Emulator) solveCaptcha(ctx context.Context, tx *sql.Tx, env, token, given string) (string, error) {
	now := e.now()
	var key string
	err := tx.QueryRowContext(ctx, "DELETE FROM captchas WHERE token = ? AND env = ? AND expires_at > ? RETURNING answer",
		token, env, now.UnixMilli()).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", failText("invalid_argument", textBadPicture)
	}
	if err != nil {
		return "", fmt.Errorf("emulator: read captcha: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToUpper(strings.TrimSpace(given))), []byte(key)) != 1 {
		return "", keep(failText("invalid_argument", textBadPicture))
	}
	solved := "v1." + e.token(32)
	_, err = run(ctx, tx, "INSERT INTO captcha_tokens (hash, env, expires_at) VALUES (?, ?, ?)",
		hashOf(solved), env, now.Add(captchaTokenLife).UnixMilli())
	return solved, err
}

// drawCaptcha draws the key: each character scaled, turned and shifted a little, with lines and
// dots around. It has to be easy for people; nothing but development depends on its being hard for
// machines.
func (e *Emulator) drawCaptcha(key string) ([]byte, error) {
	canvas := image.NewRGBA(image.Rect(0, 0, captchaWidth, captchaHeight))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.RGBA{0xf6, 0xf5, 0xf1, 0xff}), image.Point{}, draw.Src)
	for range 3 {
		e.drawLine(canvas, color.RGBA{0xb9, 0xc3, 0xd3, 0xff})
	}
	for range 60 {
		canvas.Set(e.intn(captchaWidth), e.intn(captchaHeight), color.RGBA{0xa4, 0xae, 0xbe, 0xff})
	}
	step := float64(captchaWidth-20) / float64(len(key))
	for i, char := range key {
		glyph := drawGlyph(char, e.ink())
		size := glyph.Bounds().Size()
		scale := 2.9 + float64(e.intn(40))/100
		angle := (float64(e.intn(25)) - 12) * math.Pi / 180
		sin, cos := math.Sin(angle)*scale, math.Cos(angle)*scale
		// The glyph's middle goes to the middle of its place, give or take a little.
		x := 10 + step*(float64(i)+0.5) + float64(e.intn(7)) - 3
		y := captchaHeight/2 + float64(e.intn(7)) - 3
		w, h := float64(size.X)/2, float64(size.Y)/2
		place := f64.Aff3{cos, -sin, x - cos*w + sin*h, sin, cos, y - sin*w - cos*h}
		draw.BiLinear.Transform(canvas, place, glyph, glyph.Bounds(), draw.Over, nil)
	}
	e.drawLine(canvas, color.RGBA{0x7c, 0x8a, 0xa3, 0xff})

	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		return nil, fmt.Errorf("emulator: encode the captcha: %w", err)
	}
	return out.Bytes(), nil
}

// ink is a dark colour.
func (e *Emulator) ink() color.RGBA {
	return color.RGBA{uint8(20 + e.intn(70)), uint8(30 + e.intn(60)), uint8(70 + e.intn(80)), 0xff}
}

// drawGlyph draws one character of the 7×13 font with a margin, so that its edges stay smooth when
// it is turned.
func drawGlyph(char rune, ink color.Color) *image.RGBA {
	const margin = 1
	face := basicfont.Face7x13
	glyph := image.NewRGBA(image.Rect(0, 0, face.Width+1+2*margin, face.Height+2*margin))
	drawer := font.Drawer{Dst: glyph, Src: image.NewUniform(ink), Face: face}
	for shift := range 2 { // drawn twice for strokes that are thick enough
		drawer.Dot = fixed.P(margin+shift, face.Ascent+margin)
		drawer.DrawString(string(char))
	}
	return glyph
}

// drawLine draws a shallow wave across the picture.
func (e *Emulator) drawLine(canvas *image.RGBA, ink color.Color) {
	base := 8 + float64(e.intn(captchaHeight-16))
	slope := (float64(e.intn(41)) - 20) / captchaWidth
	height, turns := 2+float64(e.intn(5)), 1+float64(e.intn(20))/10
	for x := range captchaWidth {
		along := float64(x)
		y := base + slope*along + height*math.Sin(2*math.Pi*turns*along/captchaWidth)
		canvas.Set(x, int(y), ink)
		canvas.Set(x, int(y)+1, ink)
	}
}
