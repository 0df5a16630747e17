package emulator

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// When a captcha is asked for.
const (
	captchaNever  = "never"
	captchaRisk   = "risk" // after wrong passwords
	captchaAlways = "always"
)

// settings is how a running emulator behaves, as far as tests may change it. They are of the process, not of the database:
// they start at the defaults, and a reset puts them back.
type settings struct {
	Captcha      string        `json:"captcha"`
	LatencyMS    int64         `json:"latency_ms"`
	ClockOffsetS int64         `json:"clock_offset_s"`
	Faults       []fault       `json:"faults"`
	Login        loginSwitches `json:"login"`
}

// loginSwitches are the console's switches for login methods, under their names there.
type loginSwitches struct {
	PhoneNumberLogin bool `json:"PhoneNumberLogin"`
	EmailLogin       bool `json:"EmailLogin"`
	UserNameLogin    bool `json:"UserNameLogin"`
	AnonymousLogin   bool `json:"AnonymousLogin"`
}

// fault is an answer given instead of the true one. A body is sent as it is; without one the error is sent in TCB's form;
// without either the body is empty.
type fault struct {
	Path   string `json:"path"` // empty means every path of the API
	Status int    `json:"status"`
	Error  string `json:"error"`
	Body   string `json:"body"`
	Times  int    `json:"times"` // 0 means until it is taken away
}

func defaultSettings() settings {
	return settings{
		Captcha: captchaRisk,
		Faults:  []fault{},
		Login:   loginSwitches{PhoneNumberLogin: true, EmailLogin: true, UserNameLogin: true, AnonymousLogin: true},
	}
}

// valid says whether the settings make sense.
func (s settings) valid() bool {
	const year = 366 * 24 * 3600
	for _, f := range s.Faults {
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) || f.Times < 0 || f.Status == 0 && f.Error == "" {
			return false
		}
	}
	return slices.Contains([]string{captchaNever, captchaRisk, captchaAlways}, s.Captcha) &&
		s.LatencyMS >= 0 && s.LatencyMS <= 10*60*1000 && s.ClockOffsetS >= -10*year && s.ClockOffsetS <= 10*year
}

// settingsBox holds the settings for concurrent use.
type settingsBox struct {
	mu    sync.Mutex
	value settings
}

func newSettingsBox() *settingsBox { return &settingsBox{value: defaultSettings()} }

// clone shares nothing with the original.
func (s settings) clone() settings {
	s.Faults = slices.Clone(s.Faults)
	return s
}

func (b *settingsBox) get() settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.value.clone()
}

// update changes the settings unless the change fails, and returns them.
func (b *settingsBox) update(change func(*settings) error) (settings, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.value.clone()
	if err := change(&next); err != nil {
		return settings{}, err
	}
	b.value = next
	return next.clone(), nil
}

func (b *settingsBox) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.value = defaultSettings()
}

func (b *settingsBox) clockOffset() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(b.value.ClockOffsetS) * time.Second
}

// wait spends the latency that was asked for; false means that the caller went away meanwhile.
func (b *settingsBox) wait(ctx context.Context) bool {
	b.mu.Lock()
	latency := time.Duration(b.value.LatencyMS) * time.Millisecond
	b.mu.Unlock()
	if latency == 0 {
		return true
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// takeFault returns the first fault for the path and counts it down.
func (b *settingsBox) takeFault(path string) (fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.value.Faults {
		if f.Path != "" && f.Path != path {
			continue
		}
		switch f.Times {
		case 0:
		case 1:
			b.value.Faults = slices.Delete(slices.Clone(b.value.Faults), i, i+1)
		default:
			b.value.Faults[i].Times--
		}
		return f, true
	}
	return fault{}, false
}

// sendFault answers with a fault.
func (e *Emulator) sendFault(w http.ResponseWriter, r *http.Request, f fault) {
	switch {
	case f.Body != "":
		w.Header().Set("Content-Type", http.DetectContentType([]byte(f.Body)))
		if f.Body[0] == '{' {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		if f.Status == 0 {
			f.Status = errorKinds[f.Error].status
		}
		w.WriteHeader(max(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
	case f.Error != "":
		refusal := fail(f.Error)
		if f.Error == "resource_exhausted" || f.Error == "invalid_status" {
			refusal = failRetry(f.Error, int64(sendPause/time.Second))
		}
		refusal.status = f.Status
		e.sendError(w, r, refusal)
	default:
		w.WriteHeader(f.Status)
	}
}
