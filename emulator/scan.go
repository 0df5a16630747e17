package emulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/image/draw"
)

// The states of a scan. TCB's own words are not documented.
const (
	scanWaiting   = "WAITING"
	scanScanned   = "SCANNED"
	scanConfirmed = "CONFIRMED"
	scanCancelled = "CANCELLED"
	scanExpired   = "EXPIRED"

	scanLife = 5 * time.Minute
)

// scanRequest names an environment and a mini program.
type scanRequest struct {
	ID    string `json:"qrCodeId"`
	Env   string `json:"envId"`
	AppID string `json:"wxAppId"`
}

func (e *Emulator) readScan(c *call) (scanRequest, error) {
	var req scanRequest
	if err := c.decode(&req); err != nil {
		return req, err
	}
	if req.Env != c.env() {
		return req, failText("invalid_argument", textOtherEnv)
	}
	if !miniProgram.MatchString(req.AppID) {
		return req, fail("provider_not_enabled")
	}
	_, err := e.enabledProvider(req.AppID)
	return req, err
}

// scanPage is where the phone is that scans a code.
func scanPage(r *http.Request, env, appID, id string) string {
	return origin(r) + "/demo-idp/" + url.PathEscape(env) + "/" + url.PathEscape(appID) + "/scan?qr_code_id=" + url.QueryEscape(id)
}

// generateQRCode: POST /v1/qrcode/generate. The picture only looks like a code: instead of scanning
// it, open the address that scanPage makes, which the controls list.
func (e *Emulator) generateQRCode(ctx context.Context, c *call) (any, error) {
	req, err := e.readScan(c)
	if err != nil {
		return nil, err
	}
	answer := struct {
		QRCode    string `json:"qr_code"`
		ID        string `json:"qr_code_id"`
		ExpiresIn int    `json:"expires_in"`
	}{ID: e.token(24), ExpiresIn: int(scanLife / time.Second)}
	if answer.QRCode, err = e.qrCode(c, req.AppID, answer.ID); err != nil {
		return nil, err
	}
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "INSERT INTO scans (id, env, app_id, status, expires_at) VALUES (?, ?, ?, ?, ?)",
			answer.ID, c.env(), req.AppID, scanWaiting, e.now().Add(scanLife).UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// qrCode is what stands for a code in the answer.
func (e *Emulator) qrCode(c *call, appID, id string) (string, error) {
	if e.settings.get().QRCode == qrLink {
		return scanPage(c.request, c.env(), appID, id), nil
	}
	picture, err := drawScan(id)
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture), err
}

// scan is a code as the controls list it.
type scan struct {
	ID     string `json:"id"`
	Env    string `json:"env"`
	AppID  string `json:"app_id"`
	Status string `json:"status"`
	URL    string `json:"url"` // of the phone
}

// openScans are the codes that can be scanned or answered, newest first.
func (e *Emulator) openScans(r *http.Request) ([]scan, error) {
	rows, err := e.store.db.QueryContext(r.Context(),
		"SELECT id, env, app_id, status FROM scans WHERE expires_at > ? AND status IN (?, ?) ORDER BY rowid DESC LIMIT 50",
		e.now().UnixMilli(), scanWaiting, scanScanned)
	if err != nil {
		return nil, fmt.Errorf("emulator: read scans: %w", err)
	}
	defer func() { _ = rows.Close() }()
	scans := []scan{}
	for rows.Next() {
		var s scan
		if err := rows.Scan(&s.ID, &s.Env, &s.AppID, &s.Status); err != nil {
			return nil, fmt.Errorf("emulator: read scan: %w", err)
		}
		s.URL = scanPage(r, s.Env, s.AppID, s.ID)
		scans = append(scans, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: read scans: %w", err)
	}
	return scans, nil
}

// getScans: GET /__emulator/scans.json.
func (e *Emulator) getScans(w http.ResponseWriter, r *http.Request) error {
	scans, err := e.openScans(r)
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, struct {
		Scans []scan `json:"scans"`
	}{scans})
	return nil
}

// qrCodeStatus: POST /v1/qrcode/get/status.
func (e *Emulator) qrCodeStatus(ctx context.Context, c *call) (any, error) {
	req, err := e.readScan(c)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Status        string `json:"status"`
		ProviderToken string `json:"provider_token"`
		ExpiresIn     int    `json:"expires_in"`
	}{}
	var expiresAt int64
	err = e.store.db.QueryRowContext(ctx, "SELECT status, provider_token, expires_at FROM scans WHERE id = ? AND env = ? AND app_id = ?",
		req.ID, c.env(), req.AppID).Scan(&answer.Status, &answer.ProviderToken, &expiresAt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, failText("invalid_argument", textOtherEnv)
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: read scan: %w", err)
	}
	left := time.UnixMilli(expiresAt).Sub(e.now())
	if answer.ExpiresIn = max(0, int(left/time.Second)); left <= 0 {
		answer.Status, answer.ProviderToken = scanExpired, ""
	}
	return answer, nil
}

// setScan moves a scan on, as far as it is still open.
func (e *Emulator) setScan(ctx context.Context, r *http.Request, status string, profile *providerProfile) error {
	return e.store.write(ctx, func(tx *sql.Tx) error {
		var token string
		if profile != nil {
			token = e.token(32)
			if err := e.saveProviderToken(ctx, tx, r.PathValue("env"), token, profile); err != nil {
				return err
			}
		}
		n, err := run(ctx, tx, `UPDATE scans SET status = ?, provider_token = ? WHERE id = ? AND env = ? AND app_id = ? AND expires_at > ?
			AND status IN (?, ?)`, status, token, r.URL.Query().Get("qr_code_id"), r.PathValue("env"), r.PathValue("provider"),
			e.now().UnixMilli(), scanWaiting, scanScanned)
		if err == nil && n == 0 {
			err = failText("not_found", textNoRoute)
		}
		return err
	})
}

// getScan is what the mini program shows after a scan.
func (e *Emulator) getScan(w http.ResponseWriter, r *http.Request) error {
	provider := r.PathValue("provider")
	if err := e.checkPlace(r.PathValue("env"), provider); err != nil {
		return err
	}
	if err := e.setScan(r.Context(), r, scanScanned, nil); err != nil {
		return err
	}
	return e.sendPageOf(w, r, http.StatusOK, "consent", pageData{
		Provider: providerName(provider, localeOf(r) == localeChinese), Wechat: true, Redirect: provider,
		Profile: suggestion(provider, true, r.URL.Query()), Action: r.URL.RequestURI(),
	})
}

// postScan is what the person with the phone decides.
func (e *Emulator) postScan(w http.ResponseWriter, r *http.Request) error {
	provider := r.PathValue("provider")
	if err := e.checkPlace(r.PathValue("env"), provider); err != nil {
		return err
	}
	status, notice := scanCancelled, text{"已取消登录。", "You have said no."}
	var profile *providerProfile
	if r.PostFormValue("decision") == "allow" {
		var err error
		if profile, err = readProfile(r, provider, true); err != nil {
			return err
		}
		status, notice = scanConfirmed, text{"已确认登录，请回到电脑。", "Done. Go back to your computer."}
	}
	if err := e.setScan(r.Context(), r, status, profile); err != nil {
		return err
	}
	return e.sendPageOf(w, r, http.StatusOK, "notice", pageData{Notice: notice.in(localeOf(r))})
}

// drawScan draws something that looks like a code.
func drawScan(id string) ([]byte, error) {
	const modules, size, margin = 25, 6, 4
	canvas := image.NewGray(image.Rect(0, 0, (modules+2*margin)*size, (modules+2*margin)*size))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	sum := sha256.Sum256([]byte(id))
	square := func(x, y, n int, ink color.Color) {
		at := image.Rect((margin+x)*size, (margin+y)*size, (margin+x+n)*size, (margin+y+n)*size)
		draw.Draw(canvas, at, image.NewUniform(ink), image.Point{}, draw.Src)
	}
	for y := range modules {
		for x := range modules {
			bit := y*modules + x
			if sum[(bit/8)%len(sum)]^byte(bit/256*37)>>(bit%8)&1 == 1 || (sum[bit%len(sum)]>>(bit%7))&1 == 1 {
				square(x, y, 1, color.Black)
			}
		}
	}
	for _, corner := range []image.Point{{0, 0}, {modules - 7, 0}, {0, modules - 7}} {
		square(corner.X, corner.Y, 7, color.Black)
		square(corner.X+1, corner.Y+1, 5, color.White)
		square(corner.X+2, corner.Y+2, 3, color.Black)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		return nil, fmt.Errorf("emulator: encode the code: %w", err)
	}
	return out.Bytes(), nil
}
