package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// BenchmarkInside is what each line costs without a network: for profiles, and for what a change
// saves. The stub's answers are in it, and are few µs, and so is the audit log, a
// real file. Where answers wait for a floor, "cpu-ns/op" is
// the figure to look at: it is of the whole process, garbage collection included.
//
//	go test -run '^$' -bench Inside/post-send -benchtime 5000x -cpuprofile cpu.out ./bench
func BenchmarkInside(b *testing.B) {
	backend := &http.Client{Transport: inside{&stub{now: time.Now()}}}
	br := &bench{dir: b.TempDir(), stub: &child{addr: "127.0.0.1:1"}, progress: io.Discard}
	addr, file, err := br.prepareOurs("inside", br.settings())
	if err != nil {
		b.Fatal(err)
	}
	app, _, err := newTwin(file, func(name string) (string, bool) { return "q0Xm3Vn5Zs7Lw9Rt1Yp2Kd4Gh6Jb8Ec0Af" + name, true }, io.Discard, backend)
	if err != nil {
		b.Fatal(err)
	}
	handler := app.Handler()
	t := &target{"http://" + addr, func(req *fasthttp.Request, resp *fasthttp.Response) error {
		c := newVisit()
		if err := c.Request.Read(bufio.NewReader(bytes.NewReader(wireOf(req)))); err != nil {
			return err
		}
		handler(c)
		c.Response.CopyTo(resp)
		return nil
	}}
	for _, l := range lines() {
		b.Run(l.name, func(b *testing.B) {
			b.ReportAllocs()
			b.StopTimer()
			var used time.Duration
			c := newVisit() // a server uses it again too
			for left := b.N; left > 0; {
				shots, err := l.prepare(b.Context(), t, min(left, 5000))
				if err != nil {
					b.Fatal(err)
				}
				left -= len(shots)
				var requests []byte
				for _, s := range shots {
					var req fasthttp.Request
					t.fill(&req, s)
					requests = append(requests, wireOf(&req)...)
				}
				sent := bufio.NewReaderSize(bytes.NewReader(requests), 16<<10)
				before := cpuOfThisProcess(b)
				b.StartTimer()
				for range shots {
					c.ResetUserValues()
					c.Response.Reset()
					if err := c.Request.Read(sent); err != nil {
						b.Fatal(err)
					}
					handler(c)
				}
				b.StopTimer()
				used += cpuOfThisProcess(b) - before
				if err := l.want.check(&c.Response); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

func newVisit() *fasthttp.RequestCtx {
	c := &fasthttp.RequestCtx{}
	c.SetRemoteAddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}) // of the proxy
	return c
}

// wireOf is a request as a server reads it.
func wireOf(req *fasthttp.Request) []byte {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	if err := errors.Join(req.Write(w), w.Flush()); err != nil {
		panic(err) // a buffer takes all
	}
	return out.Bytes()
}

func cpuOfThisProcess(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inside asks a stub without a network.
type inside struct{ *stub }

func (i inside) RoundTrip(req *http.Request) (*http.Response, error) {
	var c fasthttp.RequestCtx
	c.Request.Header.Set("Authorization", req.Header.Get("Authorization"))
	if req.Body != nil {
		defer req.Body.Close()
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		c.Request.SetBodyRaw(body)
	}
	status, body := i.answer(req.Method, req.URL.Path, &c)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}
