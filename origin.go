package main

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"tcb-login/config/settings"
)

// Who develops an app has a server of their own before it, which passes our paths on to the demo.
// -origin names where browsers reach that server.

func (o *options) setOrigins(list string) error {
	o.origins = strings.Split(list, ",")
	return nil
}

func (o *options) wrongOrigins() (errs []error) {
	if len(o.origins) > 0 && o.settings != "" {
		errs = append(errs, fmt.Errorf("-origin ($%s) is for the demo: in the settings, public_origins says the same", variableOf("origin")))
	}
	for i, origin := range o.origins {
		complaint := settings.CheckOrigin(origin)
		if slices.Contains(o.origins[:i], origin) {
			complaint = origin + " is listed twice"
		}
		if complaint != "" {
			errs = append(errs, fmt.Errorf("-origin ($%s): %s", variableOf("origin"), complaint))
		}
	}
	return errs
}

// loopbackHosts are the names that who is on this machine reaches the pages by, without being told
// of another.
func loopbackHosts(pages net.Listener) (hosts []string, err error) {
	_, port, err := net.SplitHostPort(pages.Addr().String())
	if err != nil {
		return nil, err
	}
	for _, host := range []string{"127.0.0.1", "localhost", "::1"} {
		hosts = append(hosts, net.JoinHostPort(host, port))
	}
	return hosts, nil
}
