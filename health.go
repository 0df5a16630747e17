package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"tcb-login/config/settings"
	"tcb-login/handlers"
)

// askHealth asks the server that was started in the same way whether it answers. Any
// answer will do: only its own listener is being asked about. Settings and login
// configs that broke since the start say nothing about it.
func askHealth(opts options, env func(string) (string, bool)) error {
	listen, base := settings.Listener(opts.settings, settings.Launch{Listen: opts.listen, Env: env})
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	client := &http.Client{
		Timeout:       3 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get("http://" + net.JoinHostPort(host, port) + base + handlers.PathHealth)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("the server answers %s", resp.Status)
	}
	return nil
}
