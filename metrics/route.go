package metrics

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// statuses are those that our pages answer with.
var statuses = [...]int{
	200, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 416, 421, 422, 429, 431, 500, 501, 502, 503, 505,
}

// placeOf is where a status is among them, by the status.
var placeOf = func() (place [600]uint8) {
	for i := range place {
		place[i] = uint8(len(statuses)) // other
	}
	for i, status := range statuses {
		place[status] = uint8(i)
	}
	return place
}()

// A Route counts the requests of one line of the table of pages.
type Route struct {
	set           *Set
	method, route string
	took          prometheus.Observer
	byStatus      [len(statuses) + 1]atomic.Pointer[prometheus.Counter] // made at the first request with it
}

// Route is for requests to a path of the table, as it stands there. What is none has the path "".
func (s *Set) Route(method, path string) *Route {
	if s == nil {
		return nil
	}
	if path == "" {
		path = other
	}
	return &Route{set: s, method: method, route: path, took: s.took.WithLabelValues(method)}
}

// Count counts a request.
func (r *Route) Count(status int, took time.Duration) {
	if r == nil {
		return
	}
	place := uint8(len(statuses))
	if status >= 0 && status < len(placeOf) {
		place = placeOf[status]
	}
	counter := r.byStatus[place].Load()
	if counter == nil {
		name := other
		if int(place) < len(statuses) {
			name = strconv.Itoa(statuses[place])
		}
		made := r.set.requests.WithLabelValues(r.method, r.route, name)
		counter = &made
		r.byStatus[place].Store(counter)
	}
	(*counter).Inc()
	r.took.Observe(took.Seconds())
}
