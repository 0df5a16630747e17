package emulator

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"tcb-login/config/input"
)

// clientOf is a client together with the environment it belongs to.
type clientOf struct {
	env          *Environment
	id           string
	secret       string
	redirectURIs []string
}

// clientBook holds the clients. Like the settings they are of the process: a reset puts those back
// that it began with.
type clientBook struct {
	mu       sync.RWMutex
	byID     map[string]clientOf
	standard map[string]clientOf
}

func newClientBook() *clientBook { return &clientBook{byID: map[string]clientOf{}} }

func (b *clientBook) find(id string) (clientOf, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c, ok := b.byID[id]
	return c, ok
}

// of are an environment's clients, or all for "".
func (b *clientBook) of(env string) (found []clientOf) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(b.byID)) {
		if c := b.byID[id]; env == "" || c.env.ID == env {
			found = append(found, c)
		}
	}
	return found
}

func (b *clientBook) put(c clientOf) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID[c.id] = c
}

// update changes what a function says, one at a time.
func (b *clientBook) update(change func(byID map[string]clientOf) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return change(b.byID)
}

// keep makes the clients that there are those of a reset.
func (b *clientBook) keep() { b.standard = maps.Clone(b.byID) }

func (b *clientBook) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID = maps.Clone(b.standard)
}

// controlClient is what the controls tell about a client. Its secret may be one of TCB's.
type controlClient struct {
	Env          string   `json:"env"`
	ID           string   `json:"id"`
	HasSecret    bool     `json:"has_secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

func (c clientOf) forControls() controlClient {
	return controlClient{Env: c.env.ID, ID: c.id, HasSecret: c.secret != "", RedirectURIs: append([]string{}, c.redirectURIs...)}
}

// getClients: GET /__emulator/clients?env=.
func (e *Emulator) getClients(w http.ResponseWriter, r *http.Request) error {
	sendJSON(w, http.StatusOK, struct {
		Clients []controlClient `json:"clients"`
	}{e.listClients(r.URL.Query().Get("env"))})
	return nil
}

func (e *Emulator) listClients(env string) []controlClient {
	clients := []controlClient{}
	for _, c := range e.clients.of(env) {
		clients = append(clients, c.forControls())
	}
	return clients
}

// putClient: PUT /__emulator/clients/{client} {"env", "secret", "redirect_uris"} makes a client, or
// changes what it names.
func (e *Emulator) putClient(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	c, err := e.changeClient(r.PathValue("client"), body)
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, c.forControls())
	return nil
}

func (e *Emulator) changeClient(id string, body []byte) (changed clientOf, err error) {
	var req struct {
		Env          *string   `json:"env"`
		Secret       *string   `json:"secret"`
		RedirectURIs *[]string `json:"redirect_uris"`
	}
	if err := decodeControl(body, &req); err != nil {
		return changed, err
	}
	if !input.IsID(id) || len(id) > 128 {
		return changed, badControl("a client's id")
	}
	err = e.clients.update(func(byID map[string]clientOf) error {
		c, there := byID[id]
		if !there {
			c = clientOf{env: e.environments[0], id: id}
		}
		if req.Env != nil {
			named := e.environment(*req.Env)
			if named == nil || there && named != c.env {
				return badControl("env")
			}
			c.env = named
		}
		if req.Secret != nil {
			c.secret = *req.Secret
		}
		if req.RedirectURIs != nil {
			for _, uri := range *req.RedirectURIs {
				if _, err := parseRedirect(uri); err != nil {
					return badControl("redirect_uris")
				}
			}
			c.redirectURIs = slices.Clone(*req.RedirectURIs)
		}
		byID[id], changed = c, c
		return nil
	})
	return changed, err
}

// deleteClient: DELETE /__emulator/clients/{client} ends its logins too. An environment keeps one.
func (e *Emulator) deleteClient(w http.ResponseWriter, r *http.Request) error {
	if err := e.dropClient(r.Context(), r.PathValue("client")); err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, nothing{})
	return nil
}

func (e *Emulator) dropClient(ctx context.Context, id string) error {
	err := e.clients.update(func(byID map[string]clientOf) error {
		c, ok := byID[id]
		if !ok {
			return failText("not_found", textNoClient)
		}
		for _, other := range byID {
			if other.env == c.env && other.id != id {
				delete(byID, id)
				return nil
			}
		}
		return failText("failed_precondition", textLastClient)
	})
	if err != nil {
		return err
	}
	return e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "DELETE FROM sessions WHERE client_id = ?", id)
		return err
	})
}

// clientBody is a form about a client, as putClient takes it.
func clientBody(form map[string][]string) []byte {
	first := func(name string) string { return strings.TrimSpace(strings.Join(form[name], " ")) }
	body := map[string]any{"redirect_uris": append([]string{}, strings.Fields(first("redirect_uris"))...)}
	for _, name := range []string{"env", "secret"} {
		if value := first(name); value != "" {
			body[name] = value
		}
	}
	encoded, err := json.Marshal(body)
	if err != nil { // texts alone
		panic(err)
	}
	return encoded
}
