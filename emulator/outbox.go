package emulator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The outbox: what would have gone out by SMS or e-mail.

// message is one message of the outbox.
type message struct {
	ID        string `json:"id"`
	Env       string `json:"env"`
	Channel   string `json:"channel"`
	To        string `json:"to"`
	Code      string `json:"code"`
	Usage     string `json:"usage"`
	Locale    string `json:"locale"`
	Body      string `json:"body"`
	CreatedAt string `json:"created_at"`
}

const outboxLength = 200

// outbox returns the latest messages, newest first, of one recipient if one is given.
func (e *Emulator) outbox(ctx context.Context, to string) ([]message, error) {
	rows, err := e.store.db.QueryContext(ctx,
		"SELECT id, env, channel, target, code, usage, locale, body, created_at FROM messages WHERE withheld = 0 ORDER BY id DESC")
	if err != nil {
		return nil, fmt.Errorf("emulator: read messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	messages := []message{}
	for rows.Next() && len(messages) < outboxLength {
		var m message
		var createdAt int64
		if err := rows.Scan(&m.ID, &m.Env, &m.Channel, &m.To, &m.Code, &m.Usage, &m.Locale, &m.Body, &createdAt); err != nil {
			return nil, fmt.Errorf("emulator: read message: %w", err)
		}
		m.CreatedAt = time.UnixMilli(createdAt).UTC().Format("2006-01-02T15:04:05.000Z07:00")
		if to == "" || sameRecipient(m, to) {
			messages = append(messages, m)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: read messages: %w", err)
	}
	return messages, nil
}

// sameRecipient compares generously: a "+" that was not percent-encoded arrives as a space, and
// people leave out the blank.
func sameRecipient(m message, to string) bool {
	if m.Channel == channelSMS {
		return digits(m.To) == digits(to)
	}
	to = strings.ToLower(strings.TrimSpace(to))
	return m.To == to || m.To == strings.ReplaceAll(to, " ", "+")
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// getOutbox: GET /__emulator/outbox.json?to=.
func (e *Emulator) getOutbox(w http.ResponseWriter, r *http.Request) error {
	messages, err := e.outbox(r.Context(), r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, struct {
		Messages []message `json:"messages"`
	}{messages})
	return nil
}
