package shared

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/limit"
	"tcb-login/limit/redistest"
)

var (
	scriptText = regexp.MustCompile("(?s)redis\\.NewScript\\(`(.*?)`\\)")
	scriptCall = regexp.MustCompile(`redis\.call\('(\w+)'(?:, *([^,)]*))?`)
	scriptRun  = regexp.MustCompile(`(?:Run|EvalSha)\(\w+, \w+, \[\]string\{([^}]*)\}`)
)

// TestOneKey: a script touches the one key that it names. A server that is no cluster, or one of one
// node, lets any through.
func TestOneKey(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	scripts, runs := 0, 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, script := range scriptText.FindAllStringSubmatch(string(src), -1) {
			scripts++
			if strings.Count(script[1], "redis.") != len(scriptCall.FindAllString(script[1], -1)) {
				t.Errorf("%s: a script does more than redis.call: %s", file, script[1])
			}
			for _, call := range scriptCall.FindAllStringSubmatch(script[1], -1) {
				if call[1] != "TIME" && call[2] != "KEYS[1]" {
					t.Errorf("%s: a script has %s for a key", file, call[2])
				}
			}
		}
		for _, run := range scriptRun.FindAllStringSubmatch(string(src), -1) {
			if runs++; strings.Contains(run[1], ", []") || strings.Count(run[1], "name(") > 1 {
				t.Errorf("%s: a script has more keys than one: %s", file, run[1])
			}
		}
	}
	if scripts != 8 || runs < scripts {
		t.Errorf("%d scripts, %d runs", scripts, runs)
	}
}

// TestOnceOnly: a script whose answer is lost is not sent again, and one that Redis does not have is.
func TestOnceOnly(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL(), soon)
	i.awaitBack(t)
	take(t, i, exact, "b") // Redis has the script now
	name := i.secrets.name(kindCount, exact.Name, "4", time.Hour.String(), "0", "a")
	r.LoseAnswers()
	take(t, i, exact, "a")
	r.Await(t, func() bool { return r.Do(t, "LLEN", name).(int64) > 0 })
	i.await(t, "the loss is noticed", func() bool { return strings.Contains(i.log.text(), "is away") })
	i.awaitBack(t)
	if n := r.Do(t, "LLEN", name).(int64); n != 1 {
		t.Errorf("one take counts %d times", n)
	}
	r.Do(t, "SCRIPT", "FLUSH")
	i.Deadline(patient)
	for _, key := range []string{"c", "c", "c", "c"} {
		take(t, i, exact, key)
	}
	if take(t, i, exact, "c") || i.State().Away {
		t.Errorf("after SCRIPT FLUSH: %+v", i.State())
	}
	name = i.secrets.name(kindCount, exact.Name, "4", time.Hour.String(), "0", "c")
	if n := r.Do(t, "LLEN", name).(int64); n != 4 {
		t.Errorf("four takes count %d times", n)
	}
}

// TestRedisTime: the clocks of instances count for nothing.
func TestRedisTime(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	clocks := []*clock{newClock(), newClock(), newClock()}
	clocks[1].advance(-3 * time.Hour)
	clocks[2].advance(3 * time.Hour)
	var all []*instance
	for _, c := range clocks {
		all = append(all, open(t, r.URL(), c.on))
	}
	for _, rule := range []limit.Rule{exact, burst} {
		taken := 0
		for range 4 {
			for _, i := range all {
				if take(t, i, rule, "a") {
					taken++
				}
			}
		}
		if taken != 4 {
			t.Errorf("%s: %d got through, want 4", rule.Name, taken)
		}
	}
	deny(t, all[0], "id")
	for _, i := range all {
		wantVerdict(t, i, "id", 0, "denied")
	}
	// An epoch is of Redis' clock, and sessions are of ours.
	for _, i := range all {
		wantVerdict(t, i, "other", -time.Second, "good")
		wantVerdict(t, i, "other", time.Minute, "unsure")
	}
	if !slices.ContainsFunc(r.Keys(t), func(k string) bool { return strings.HasPrefix(k, prefix) }) {
		t.Error("Redis holds nothing of ours")
	}
}
