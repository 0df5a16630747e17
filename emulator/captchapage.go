package emulator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// TCB's older way with captchas: a page of its own, which sends the browser back with a captcha
// token.

const (
	captchaPageLife    = 10 * time.Minute
	captchaPageTries   = 3
	captchaPageMinute  = 20 // pages that one address gets in a minute
	captchaPageRefresh = time.Minute
)

// captchaInit: POST /v1/captcha/init.
func (e *Emulator) captchaInit(ctx context.Context, c *call) (any, error) {
	var req struct {
		RedirectURI string `json:"redirect_uri"`
		State       string `json:"state"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.RedirectURI == "" || req.State == "" {
		return nil, failText("invalid_argument", textNoRedirect)
	}
	if _, err := e.registeredRedirect(c.env(), req.RedirectURI); err != nil {
		return nil, err
	}
	answer := struct {
		URL       string `json:"url"` // empty: there is nothing to solve
		ExpiresIn int    `json:"expires_in"`
	}{ExpiresIn: int(captchaPageLife / time.Second)}
	if needed, err := e.captchaNeeded(ctx, c.env()); err != nil || !needed {
		return answer, err
	}
	id, now, caller := e.token(24), e.now(), c.address()
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		var count int
		var first int64
		err := tx.QueryRowContext(ctx, "SELECT count(*), coalesce(min(created_at), 0) FROM captcha_pages WHERE env = ? AND caller = ? AND created_at > ?",
			c.env(), caller, now.Add(-captchaPageRefresh).UnixMilli()).Scan(&count, &first)
		if err != nil {
			return fmt.Errorf("emulator: count captcha pages: %w", err)
		}
		if count >= captchaPageMinute {
			return failRetry("resource_exhausted", secondsUntil(time.UnixMilli(first).Add(captchaPageRefresh), now))
		}
		_, err = run(ctx, tx, "INSERT INTO captcha_pages (id, env, client_id, redirect_uri, state, caller, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id, c.env(), c.client.id, req.RedirectURI, req.State, caller, now.UnixMilli(), now.Add(captchaPageLife).UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	answer.URL = origin(c.request) + "/captcha/" + id
	return answer, nil
}

// captchaNeeded says whether any call of the environment asks for a captcha now. The page is asked
// for before it is known whose call it is for.
func (e *Emulator) captchaNeeded(ctx context.Context, env string) (bool, error) {
	settings, now := e.settings.get(), e.now()
	if settings.Captcha != captchaRisk {
		return settings.Captcha == captchaAlways, nil
	}
	var needed bool
	err := e.store.db.QueryRowContext(ctx, `SELECT
		EXISTS (SELECT 1 FROM password_failures WHERE env = ?1 AND at > ?2 GROUP BY account HAVING count(*) >= ?3) OR
		EXISTS (SELECT 1 FROM messages WHERE env = ?1 AND created_at > ?4 GROUP BY channel, target
			HAVING count(*) >= CASE channel WHEN ?5 THEN ?6 ELSE ?7 END)`,
		env, now.Add(-failureWindow).UnixMilli(), captchaFromTry-1, now.Add(-sendDay).UnixMilli(), channelSMS, e.smsPerDay(), mailsPerDay).
		Scan(&needed)
	if err != nil {
		return false, fmt.Errorf("emulator: look for reasons for a captcha: %w", err)
	}
	return needed, nil
}

// captchaPage is one such page.
type captchaPage struct {
	id, env, state string
	redirect       *url.URL
	wrong          int
}

func (e *Emulator) captchaPage(ctx context.Context, id string) (captchaPage, error) {
	page := captchaPage{id: id}
	var redirect string
	err := e.store.db.QueryRowContext(ctx, "SELECT env, state, redirect_uri, wrong FROM captcha_pages WHERE id = ? AND expires_at > ?",
		id, e.now().UnixMilli()).Scan(&page.env, &page.state, &redirect, &page.wrong)
	if errors.Is(err, sql.ErrNoRows) {
		return page, failText("not_found", text{"页面已过期，请返回重试", "This page has expired. Please go back and try again."})
	}
	if err != nil {
		return page, fmt.Errorf("emulator: read captcha page: %w", err)
	}
	page.redirect, err = parseRedirect(redirect)
	return page, err
}

// getCaptchaPage: GET /captcha/{id}.
func (e *Emulator) getCaptchaPage(w http.ResponseWriter, r *http.Request) error {
	page, err := e.captchaPage(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return e.showCaptcha(w, r, http.StatusOK, page, "")
}

func (e *Emulator) showCaptcha(w http.ResponseWriter, r *http.Request, status int, page captchaPage, problem string) error {
	data := pageData{Action: "/captcha/" + page.id, Error: problem, Over: page.wrong >= captchaPageTries}
	if !data.Over {
		token, picture, err := e.newCaptcha(r.Context(), page.env)
		if err != nil {
			return err
		}
		data.Token, data.Picture = token, template.URL(picture) // a data: address of our own making
	}
	return e.sendPageOf(w, r, status, "captcha", data)
}

// postCaptchaPage: POST /captcha/{id} checks the answer and sends the browser back, with a captcha
// token or, when the person gives up, with an error.
func (e *Emulator) postCaptchaPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	page, err := e.captchaPage(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.PostFormValue("action") == "back" {
		code, description := "cancelled", text{"用户取消了验证", "The captcha was not solved"}
		if page.wrong >= captchaPageTries {
			code, description = "captcha_invalid", errorKinds["captcha_invalid"].text
		}
		return redirectTo(w, withQuery(page.redirect, "state", page.state, "error", code, "error_description", description.in(localeOf(r))))
	}
	if page.wrong >= captchaPageTries {
		return e.showCaptcha(w, r, http.StatusBadRequest, page, errorKinds["captcha_invalid"].text.in(localeOf(r)))
	}
	var token string
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		var err error
		if token, err = e.solveCaptcha(ctx, tx, page.env, r.PostFormValue("token"), r.PostFormValue("key")); err == nil {
			_, err = run(ctx, tx, "DELETE FROM captcha_pages WHERE id = ?", page.id)
			return err
		}
		if refusal := (*apiError)(nil); !errors.As(err, &refusal) {
			return err
		}
		if _, err := run(ctx, tx, "UPDATE captcha_pages SET wrong = wrong + 1 WHERE id = ?", page.id); err != nil {
			return err
		}
		return keep(fail("captcha_invalid"))
	})
	var refusal *apiError
	switch {
	case errors.As(err, &refusal):
		page.wrong++
		return e.showCaptcha(w, r, http.StatusBadRequest, page, refusal.describe(localeOf(r) == localeChinese))
	case err != nil:
		return err
	}
	return redirectTo(w, withQuery(page.redirect, "state", page.state, "captcha_token", token,
		"expires_in", strconv.Itoa(int(captchaTokenLife/time.Second))))
}
