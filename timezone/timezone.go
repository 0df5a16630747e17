// Package timezone is about the time zones that people say they live in, by their IANA names. It
// brings the database of them, so that they are known wherever we run.
package timezone

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata"
)

// Offered are those for picking. A person may have any other.
var Offered = []string{
	"Asia/Shanghai", "Asia/Hong_Kong", "Asia/Macau", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Asia/Seoul", "Asia/Bangkok",
	"Asia/Jakarta", "Asia/Kolkata", "Asia/Dubai", "Europe/Moscow", "Europe/Berlin", "Europe/Paris", "Europe/London", "Africa/Cairo",
	"America/Sao_Paulo", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Australia/Sydney",
	"Pacific/Auckland", "UTC",
}

// offered are the rules of those for picking, read once: each is a file of the system's.
var offered = sync.OnceValue(func() map[string]*time.Location {
	zones := make(map[string]*time.Location, len(Offered))
	for _, name := range Offered {
		if zone, err := time.LoadLocation(name); err == nil {
			zones[name] = zone
		}
	}
	return zones
})

// Label is a name with how far the zone is from UTC at a time. A name that is none stays alone.
func Label(name string, at time.Time) string {
	zone := offered()[name]
	if zone == nil {
		var err error
		if zone, err = time.LoadLocation(name); err != nil {
			return name
		}
	}
	return name + " (UTC" + strings.TrimSuffix(at.In(zone).Format("-07:00"), ":00") + ")"
}
