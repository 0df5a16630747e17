package shared

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcb-login/limit"
	"tcb-login/limit/redistest"
)

func (i *instance) logger() *slog.Logger { return slog.New(slog.NewTextHandler(i.log, nil)) }

// fill has an instance keep something of every kind, of somebody.
func fill(t *testing.T, s limit.Store) {
	t.Helper()
	take(t, s, exact, "+8613800138000")
	take(t, s, burst, "somebody@example.com")
	deny(t, s, "session 0123456789abcdef0123456789abcdef")
	end, _ := s.Begin(t.Context(), "somebody's group", "somebody's request")
	end([]byte("sealed by whoever keeps it"))
	s.Begin(t.Context(), "somebody's group", "under way")
	s.Put(t.Context(), "somebody's state", []byte("login_hint=somebody@example.com"), time.Minute)
}

// TestNames: Redis holds names of one length and nothing that says whom they are about, and all of
// it but the epoch ends by itself.
func TestNames(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL())
	fill(t, i)
	keys := r.Keys(t)
	if len(keys) != 6 { // two counts, a mark, a group, a value, the epoch
		t.Errorf("%d keys: %q", len(keys), keys)
	}
	for _, key := range keys {
		if len(key) > 48 || !strings.HasPrefix(key, prefix) {
			t.Errorf("the key %q", key)
		}
		left, isEpoch := r.Do(t, "PTTL", key).(int64), key == i.secrets.name(kindEpoch)
		if (left < 0) != isEpoch || left > time.Hour.Milliseconds() {
			t.Errorf("%s lasts %d ms", key, left)
		}
		held := fmt.Sprint(key, r.Do(t, "DUMP", key))
		for _, plain := range []string{"13800138000", "somebody", "example.com", "0123456789abcdef", "under way", string(testKey)} {
			if strings.Contains(held, plain) {
				t.Errorf("%s holds %q", key, plain)
			}
		}
	}
	if left := r.Do(t, "PTTL", i.secrets.name(kindOutcome, "somebody's group")).(int64); left > limit.OutcomeLife.Milliseconds() {
		t.Errorf("an outcome lasts %d ms", left)
	}
}

// TestSecret: whoever has another secret finds nothing, and an epoch of their own.
func TestSecret(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	one := open(t, r.URL())
	old(t, r, one)
	fill(t, one)
	other := open(t, r.URL(), func(c *Config) { c.Key = bytes.Repeat([]byte("x"), minKey) })
	if _, ok := other.Get(t.Context(), "somebody's state"); ok {
		t.Error("a value is found under another secret")
	}
	wantVerdict(t, other, "id", long, "unsure")
	wantVerdict(t, one, "id", long, "good")
	for i := range 4 {
		if !take(t, other, exact, "+8613800138000") {
			t.Errorf("take %d: counts under another secret", i)
		}
	}
	short := Config{URL: r.URL(), Key: testKey[:minKey-1], Logger: one.logger()}
	if _, err := Open(t.Context(), short); err == nil || strings.Contains(err.Error(), string(testKey[:10])) {
		t.Errorf("a short secret: %v", err)
	}
}

// TestSealedValue: Redis and the secret together open nothing without what a value is found by, and
// nothing that was moved or changed.
func TestSealedValue(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	i := open(t, r.URL())
	ctx := t.Context()
	i.Put(ctx, "a", []byte("of a"), time.Hour)
	i.Put(ctx, "b", []byte("of b"), time.Hour)
	nameA, nameB := i.secrets.name(kindValue, "a"), i.secrets.name(kindValue, "b")
	sealed := r.Do(t, "GET", nameA).(string)
	if value, ok := i.secrets.open("b", []byte(sealed)); ok {
		t.Errorf("another key opens %q", value)
	}
	r.Do(t, "SET", nameB, sealed)
	if value, ok := i.Get(ctx, "b"); ok {
		t.Errorf("a value that was moved is %q", value)
	}
	for _, broken := range []string{"", "x", sealed[:len(sealed)-1], sealed + "x", string([]byte{sealed[0] ^ 1}) + sealed[1:]} {
		r.Do(t, "SET", nameA, broken)
		if value, ok := i.Get(ctx, "a"); ok {
			t.Errorf("a broken value is %q", value)
		}
	}
}

// TestMarks: the mark of an instance that dies ends by itself; one whose making was not heard of is
// ended by who made it; who comes too late overwrites nobody.
func TestMarks(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	a, b := open(t, r.URL(), soon), open(t, r.URL())
	a.awaitBack(t)
	name := a.secrets.name(kindOutcome, "s")
	begin := func(s *instance, key string) func([]byte) {
		t.Helper()
		end, first := s.Begin(t.Context(), "s", key)
		if !first {
			t.Fatalf("%s is under way", key)
		}
		return end
	}
	look := func(s *instance, key, want string) {
		t.Helper()
		if value, ok, err := s.Look(t.Context(), "s", key); string(value) != want || ok != (want != "") || err != nil {
			t.Errorf("%s is %q, %v, %v, want %q", key, value, ok, err, want)
		}
	}
	late := begin(a, "a")
	r.Do(t, "HSET", name, a.fieldOf("a"), "m1:"+random()) // long ago, by somebody who died
	look(b, "a", "")
	begin(b, "a")([]byte("of b"))
	late([]byte("of a"))
	look(b, "a", "of b")

	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	end, _ := a.Begin(ctx, "long", "a")
	if left := r.Do(t, "PTTL", a.secrets.name(kindOutcome, "long")).(int64); left < 30_000 || left > 40_000 {
		t.Errorf("the mark of a request with 40 s lasts %d ms", left)
	}
	end(nil)

	r.LoseAnswers()
	end = begin(a, "b")
	a.await(t, "the loss is noticed", func() bool { return strings.Contains(a.log.text(), "is away") })
	a.awaitBack(t)
	a.Deadline(patient)
	end([]byte("heard"))
	b = open(t, r.URL()) // with connections that lose nothing
	look(b, "b", "heard")

	begin(a, "c")(bytes.Repeat([]byte("x"), maxOutcome+1)) // is kept here
	look(b, "c", "")
	if _, ok, _ := a.Look(t.Context(), "s", "c"); !ok {
		t.Error("a long outcome is lost")
	}
	for range maxMarks + 10 {
		begin(a, random())
	}
	if n := r.Do(t, "HLEN", name).(int64); n > maxMarks {
		t.Errorf("a session marks %d requests", n)
	}
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// TestTLSAndPassword: rediss:// believes a certificate of the roots alone; a wrong password is an
// outage with a reason, which does not hold it.
func TestTLSAndPassword(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	r := redistest.StartTLS(t, cert, "--requirepass", "the right password")
	url := strings.Replace(r.URL(), "redis://", "rediss://", 1)
	check := func(url, password string, roots *x509.CertPool) error {
		return Check(t.Context(), Config{
			URL: url, Password: password, Key: testKey, Deadline: patient,
			Logger: slog.New(slog.DiscardHandler), TLS: &tls.Config{RootCAs: roots},
		})
	}
	if err := check(url, "the right password", roots); err != nil {
		t.Errorf("all is right: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if err := check(url, "the right password", x509.NewCertPool()); !errors.As(err, &unknown) {
		t.Errorf("an unknown certificate: %v", err)
	}
	for _, password := range []string{"", "the wrong password"} {
		if err := check(url, password, roots); err == nil || strings.Contains(err.Error(), "password\"") || strings.Contains(err.Error(), "the wrong") {
			t.Errorf("the password %q: %v", password, err)
		}
	}
	if err := check(r.URL(), "the right password", roots); err == nil {
		t.Error("plain to a server that speaks TLS")
	}
	for _, bad := range []string{"", "http://127.0.0.1", "redis://127.0.0.1/x", "::"} {
		if err := check(bad, "", nil); err == nil || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAccess: the commands that the docs name are all that a user of ours needs.
func TestAccess(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/several-instances.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(EVAL [A-Z| ]+)`").FindStringSubmatch(string(docs))
	if named == nil {
		t.Fatal("the docs name no commands")
	}
	for _, commands := range [][]string{
		{"+@all", "-@admin", "-@dangerous", "+info"},
		strings.Fields("+" + strings.ReplaceAll(strings.ToLower(named[1]), " ", " +")),
	} {
		r := redistest.Start(t)
		rule := []any{"ACL", "SETUSER", "app", "on", ">secret", "~" + prefix + "*"}
		for _, c := range commands {
			rule = append(rule, c)
		}
		r.Do(t, rule...)
		as := func(c *Config) {
			c.URL, c.Password = strings.Replace(c.URL, "redis://", "redis://app@", 1)+"/1", "secret"
		}
		r.Cut()
		i := open(t, r.URL(), as)
		deny(t, i, "from before")
		r.Resume()
		i.awaitBack(t)
		fill(t, i)
		i.Remove(t.Context(), "somebody's state")
		i.Forget(t.Context(), "somebody's group")
		if err := i.Refund(t.Context(), exact, "+8613800138000"); err != nil {
			t.Fatal(err)
		}
		for n := range 6 {
			take(t, i, exact, "a")
			take(t, i, burst, "b")
			wantVerdict(t, i, strconv.Itoa(n), 0, "good")
		}
		if s := i.State(); s.Away || strings.Count(i.log.text(), "is away") > 0 || strings.Contains(i.log.text(), "does not tell") {
			t.Errorf("%v: %+v\n%s", commands, s, i.log.text())
		}
	}
}
