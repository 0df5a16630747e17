package entry

import (
	"fmt"

	"tcb-login/config/settings"
)

// Environment is one TCB environment that we serve.
type Environment struct {
	settings.Environment
	Clients    map[string]*Client
	OnlyClient *Client // set when a request need not say which
}

// Client is one client_id of an environment.
type Client struct {
	settings.Client
	Auth Auth
}

// NewEnvironments makes the clients of the environments of settings.
func NewEnvironments(all []settings.Environment, newAuth func(settings.Environment, settings.Client) (Auth, error)) (map[string]*Environment, error) {
	made := map[string]*Environment{}
	for _, env := range all {
		e := &Environment{Environment: env, Clients: map[string]*Client{}}
		for _, c := range env.Clients {
			auth, err := newAuth(env, c)
			if err != nil {
				return nil, fmt.Errorf("handlers: environment %s, client %s: %w", env.ID, c.ID, err)
			}
			e.Clients[c.ID] = &Client{Client: c, Auth: auth}
			e.OnlyClient = e.Clients[c.ID]
		}
		if len(e.Clients) != 1 {
			e.OnlyClient = e.Clients[env.ID]
		}
		made[env.ID] = e
	}
	return made, nil
}

// Only is the one environment that there is; nil where there are several.
func Only(environments map[string]*Environment) *Environment {
	if len(environments) != 1 {
		return nil
	}
	for _, e := range environments {
		return e
	}
	return nil
}
