package emulator

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The identities of third parties that a user has bound: at most one of each provider.

// identitiesOf are the identities that a user has bound, oldest first.
func identitiesOf(ctx context.Context, q querier, u *user) ([]providerProfile, error) {
	rows, err := q.QueryContext(ctx, "SELECT profile FROM identities WHERE env = ? AND sub = ? ORDER BY created_at, provider_id", u.env, u.sub)
	if err != nil {
		return nil, fmt.Errorf("emulator: read identities: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []providerProfile
	for rows.Next() {
		var encoded string
		if err := rows.Scan(&encoded); err != nil {
			return nil, fmt.Errorf("emulator: read identity: %w", err)
		}
		profile, err := decodeProfile(encoded)
		if err != nil {
			return nil, err
		}
		all = append(all, *profile)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: read identities: %w", err)
	}
	return all, nil
}

// identityAt is the identity that a user has bound of one provider, or nil.
func identityAt(ctx context.Context, q querier, u *user, provider string) (*providerProfile, error) {
	all, err := identitiesOf(ctx, q, u)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(p providerProfile) bool { return p.ProviderID == provider }); i >= 0 {
		return &all[i], nil
	}
	return nil, nil
}

// identityOwner is the user that has bound an identity, or nil.
func identityOwner(ctx context.Context, q querier, env, provider, providerUser string) (*user, error) {
	var sub string
	err := q.QueryRowContext(ctx, "SELECT sub FROM identities WHERE env = ? AND provider_id = ? AND provider_user_id = ?",
		env, provider, providerUser).Scan(&sub)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: read identity: %w", err)
	}
	return userBy(ctx, q, env, "sub", sub)
}

// wechatIDs are the user's ids at WeChat, as access tokens carry them.
func wechatIDs(ctx context.Context, q querier, u *user) (claimsMeta, error) {
	var ids claimsMeta
	all, err := identitiesOf(ctx, q, u)
	for _, id := range all {
		ids.WxOpenID, ids.WxUnionID = cmp.Or(ids.WxOpenID, id.Meta.OpenID), cmp.Or(ids.WxUnionID, id.Meta.UnionID)
	}
	return ids, err
}

// bind gives the user an identity that nobody has.
func (e *Emulator) bind(ctx context.Context, tx *sql.Tx, u *user, profile *providerProfile) error {
	_, err := run(ctx, tx, "INSERT INTO identities (env, provider_id, provider_user_id, sub, profile, created_at) VALUES (?, ?, ?, ?, ?, ?)",
		u.env, profile.ProviderID, profile.Sub, u.sub, encodeProfile(profile), e.now().UnixMilli())
	return err
}

func unbind(ctx context.Context, tx *sql.Tx, u *user, provider string) error {
	_, err := run(ctx, tx, "DELETE FROM identities WHERE env = ? AND sub = ? AND provider_id = ?", u.env, u.sub, provider)
	return err
}

// canEnter says whether a user has any way to sign in: a name with a password, an address or number
// for codes, an identity.
func canEnter(ctx context.Context, q querier, u *user) (bool, error) {
	if u.email != "" || u.phone != "" || u.username != "" && u.passwordHash != "" {
		return true, nil
	}
	all, err := identitiesOf(ctx, q, u)
	return len(all) > 0, err
}

func deleteUser(ctx context.Context, tx *sql.Tx, u *user) error {
	_, err := run(ctx, tx, "DELETE FROM users WHERE env = ? AND sub = ?", u.env, u.sub)
	return err
}

// providerNames are the identity sources' names for people.
var providerNames = map[string]text{
	providerDemo:   {"演示身份源", "Demo identity provider"},
	providerOpen:   {"微信开放平台", "WeChat Open Platform"},
	providerMP:     {"微信公众号", "WeChat Official Account"},
	providerMicro:  {"微信小程序", "WeChat Mini Program"},
	providerCustom: {"自定义登录", "Custom login"},
}

func providerName(id string, chinese bool) string {
	name, ok := providerNames[id]
	if !ok && miniProgram.MatchString(id) {
		name, ok = providerNames[providerMicro], true
	}
	switch {
	case !ok:
		return id
	case chinese:
		return name.zh
	}
	return name.en
}

// userProvider is one line of the list of providers.
type userProvider struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	ProviderUserID   string `json:"provider_user_id"` // with those of providers that are not bound, though empty
	ProviderUserName string `json:"provider_user_name"`
	Bind             bool   `json:"bind"`
}

// listProviders: GET /v1/user/provider: those that the user has bound, and those that could be.
func (e *Emulator) listProviders(ctx context.Context, c *call) (any, error) {
	bound, err := identitiesOf(ctx, e.store.db, c.user)
	if err != nil {
		return nil, err
	}
	chinese := localeOf(c.request) == localeChinese
	answer := struct {
		Total int            `json:"total"`
		Data  []userProvider `json:"data"`
	}{Data: []userProvider{}}
	seen := map[string]bool{providerMicro: true, providerCustom: true} // no app can offer to bind these
	for _, id := range bound {
		seen[id.ProviderID] = true
		answer.Data = append(answer.Data, userProvider{id.ProviderID, providerName(id.ProviderID, chinese), id.Sub, id.Name, true})
	}
	for id, rule := range e.settings.get().Providers {
		if rule.On && !seen[id] {
			answer.Data = append(answer.Data, userProvider{ID: id, Name: providerName(id, chinese)})
		}
	}
	slices.SortFunc(answer.Data, func(a, b userProvider) int { return strings.Compare(a.ID, b.ID) })
	answer.Total = len(answer.Data)
	return answer, nil
}

// transferable is the detail of a refusal to bind: with it the identity can be taken over.
type transferable struct {
	ProviderTransToken string `json:"provider_trans_token"`
}

// bindProvider: POST /v1/user/provider/bind.
func (e *Emulator) bindProvider(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderToken string `json:"provider_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	return nothing{}, e.store.write(ctx, func(tx *sql.Tx) error {
		profile, err := e.takeProviderToken(ctx, tx, c.env(), req.ProviderToken)
		if err != nil {
			return err
		}
		owner, err := identityOwner(ctx, tx, c.env(), profile.ProviderID, profile.Sub)
		if err != nil {
			return err
		}
		if owner != nil && owner.sub == c.user.sub {
			return nil
		}
		if owner != nil {
			refusal := failText("already_exists", textIdentityBound)
			refusal.details = []any{transferable{req.ProviderToken}}
			return refusal
		}
		if bound, err := identityAt(ctx, tx, c.user, profile.ProviderID); err != nil {
			return err
		} else if bound != nil {
			return failText("failed_precondition", textProviderBound)
		}
		if err := e.bind(ctx, tx, c.user, profile); err != nil {
			return err
		}
		return e.record(ctx, tx, c, c.user, actionBindProvider, fromProvider+profile.ProviderID)
	})
}

// unbindProvider: DELETE /v1/user/provider/{provider}. The last way to sign in stays.
func (e *Emulator) unbindProvider(ctx context.Context, c *call) (any, error) {
	id := c.request.PathValue("provider")
	return nothing{}, e.changeSelf(ctx, c, func(tx *sql.Tx, u *user) error {
		bound, err := identityAt(ctx, tx, u, id)
		if err != nil {
			return err
		}
		if bound == nil {
			return failText("not_found", textNotBound)
		}
		if err := unbind(ctx, tx, u, id); err != nil {
			return err
		}
		if left, err := canEnter(ctx, tx, u); err != nil {
			return err
		} else if !left {
			return failText("failed_precondition", textLastWay)
		}
		return e.record(ctx, tx, c, u, actionUnbindProvider, fromProvider+id)
	})
}

// transferProvider: POST /v1/user/provider/{provider}/trans takes an identity over from another
// account, which is closed when that was its last way in; an identity that the caller had of the
// same provider goes. The token is the provider_token, which bindProvider gives back with its
// refusal.
func (e *Emulator) transferProvider(ctx context.Context, c *call) (any, error) {
	var req struct {
		Token string `json:"provider_trans_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		profile, err := e.takeProviderToken(ctx, tx, c.env(), req.Token)
		if err != nil {
			return err
		}
		if profile.ProviderID != c.request.PathValue("provider") {
			return failText("invalid_argument", textThirdParty)
		}
		owner, err := identityOwner(ctx, tx, c.env(), profile.ProviderID, profile.Sub)
		if err != nil || owner != nil && owner.sub == c.user.sub {
			return err
		}
		if owner != nil {
			if err := unbind(ctx, tx, owner, profile.ProviderID); err != nil {
				return err
			}
			if left, err := canEnter(ctx, tx, owner); err != nil {
				return err
			} else if !left {
				if err := deleteUser(ctx, tx, owner); err != nil {
					return err
				}
			}
		}
		if err := unbind(ctx, tx, c.user, profile.ProviderID); err != nil {
			return err
		}
		if err := e.bind(ctx, tx, c.user, profile); err != nil {
			return err
		}
		return e.record(ctx, tx, c, c.user, actionBindProvider, fromProvider+profile.ProviderID)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		ClientID string `json:"client_id"`
	}{c.client.id}, nil
}

// transferByProvider: PATCH /v1/user/trans/by/provider goes over to the account that has the
// identity. One that nobody has is bound to the caller, who, if anonymous, is a registered user
// from then on. The session that asked ends.
func (e *Emulator) transferByProvider(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderToken string `json:"provider_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		profile, err := e.takeProviderToken(ctx, tx, c.env(), req.ProviderToken)
		if err != nil {
			return nil, err
		}
		u, err := identityOwner(ctx, tx, c.env(), profile.ProviderID, profile.Sub)
		if err != nil {
			return nil, err
		}
		if u == nil {
			u = c.user
			if bound, err := identityAt(ctx, tx, u, profile.ProviderID); err != nil {
				return nil, err
			} else if bound != nil {
				return nil, failText("failed_precondition", textProviderBound)
			}
			if u.anonymous {
				u.anonymous, u.deviceHash = false, ""
				u.name, u.picture = profile.Name, profile.Picture
				if err := saveUser(ctx, tx, u); err != nil {
					return nil, err
				}
				if err := endSessions(ctx, tx, u); err != nil {
					return nil, err
				}
			}
			if err := e.bind(ctx, tx, u, profile); err != nil {
				return nil, err
			}
			if err := e.record(ctx, tx, c, u, actionBindProvider, fromProvider+profile.ProviderID); err != nil {
				return nil, err
			}
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		if _, err := run(ctx, tx, "DELETE FROM sessions WHERE id = ?", c.session.id); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, loginThrough(profile.ProviderID))
	})
}
