package seed

import (
	"encoding/json"
	"fmt"
	"strings"
)

// user changes the fields that an object names, and returns how many those are.
func (p *parser) user(u *User, label string, at int, raw []byte) int {
	password, hash := u.Password, u.PasswordHash
	u.Password, u.PasswordHash = "", ""
	fields := members{
		"env": p.text(&u.Env, envRule), "sub": p.text(&u.Sub, subRule), "username": p.text(&u.Username, usernameRule),
		"email": p.text(&u.Email, emailRule), "phone_number": p.text(&u.PhoneNumber, phoneRule),
		"name": p.text(&u.Name, atMost(64)), "picture": p.text(&u.Picture, atMost(2048)), "gender": p.text(&u.Gender, genderRule),
		"birthdate": p.text(&u.Birthdate, dateRule), "locale": p.text(&u.Locale, atMost(64)),
		"zoneinfo": p.text(&u.Zoneinfo, atMost(64)), "description": p.text(&u.Description, atMost(256)),
		"status": p.text(&u.Status, statusRule), "password_updated_at": p.moment(&u.PasswordUpdatedAt), "created_at": p.moment(&u.CreatedAt),
		"password_initial": func(label string, at int, raw []byte) {
			if json.Unmarshal(raw, &u.PasswordInitial) != nil || u.PasswordInitial == nil {
				p.errorf(at, label, "want true or false, found %s", kindOf(raw))
			}
		},
		"groups": func(label string, at int, raw []byte) {
			u.Groups = nil
			p.list(label, at, raw, func(label string, at int, raw []byte) {
				var id string
				if p.word(&id, groupRule, label, at, raw) {
					u.Groups = append(u.Groups, id)
				}
			})
		},
		"providers": func(label string, at int, raw []byte) {
			u.Providers = nil
			p.list(label, at, raw, func(label string, at int, raw []byte) { p.provider(u, label, at, raw) })
		},
	}
	clear, hashed := false, false
	note := func(named *bool, read func(string, int, []byte)) func(string, int, []byte) {
		return func(label string, at int, raw []byte) { *named = true; read(label, at, raw) }
	}
	fields["password"] = note(&clear, p.text(&u.Password, passwordRule))
	fields["password_hash"] = note(&hashed, p.text(&u.PasswordHash, hashRule))
	n := p.object(label, at, raw, fields)
	u.Email = strings.ToLower(u.Email)
	switch {
	case u.Password != "" && u.PasswordHash != "":
		p.errorf(at, label, "want password or password_hash, not both")
	case !clear && !hashed:
		u.Password, u.PasswordHash = password, hash
	}
	return n
}

// word is a text that must be there.
func (p *parser) word(into *string, must rule, label string, at int, raw []byte) bool {
	before := len(p.problems)
	p.text(into, must)(label, at, raw)
	if *into == "" && len(p.problems) == before {
		p.errorf(at, label, "%s", must(""))
	}
	return *into != ""
}

func (p *parser) provider(u *User, label string, at int, raw []byte) {
	var one Provider
	before := len(p.problems)
	p.object(label, at, raw, members{
		"id": p.text(&one.ID, providerRule), "provider_user_id": p.text(&one.ProviderUserID, atMost(128)),
		"name": p.text(&one.Name, atMost(64)), "picture": p.text(&one.Picture, atMost(2048)),
		"email": p.text(&one.Email, emailRule), "phone_number": p.text(&one.PhoneNumber, phoneRule),
		"meta": func(label string, at int, raw []byte) {
			p.object(label, at, raw, members{
				"appid": p.text(&one.Meta.AppID, atMost(128)), "openid": p.text(&one.Meta.OpenID, atMost(128)),
				"unionid": p.text(&one.Meta.UnionID, atMost(128)),
			})
		},
	})
	switch {
	case len(p.problems) > before:
	case one.ID == "" || one.ProviderUserID == "":
		p.errorf(at, label, "want id, which is the provider's, and provider_user_id, which is the person's there")
	default:
		for _, other := range u.Providers {
			if other.ID == one.ID {
				p.errorf(at, label, "a user has one account of a provider, and there is one of %q already", one.ID)
				return
			}
		}
		u.Providers = append(u.Providers, one)
	}
}

// unique refuses users of whom two are one: each of these belongs to one user of an environment.
func (p *parser) unique(users []User, places []int) {
	first := map[string]int{}
	for i, u := range users {
		keys := [][2]string{
			{"sub", u.Sub}, {"username", strings.ToLower(u.Username)}, {"email", u.Email}, {"phone_number", u.PhoneNumber},
		}
		for _, one := range u.Providers {
			keys = append(keys, [2]string{"account at " + one.ID, one.ProviderUserID})
		}
		for _, k := range keys {
			what, value := k[0], k[1]
			if value == "" {
				continue
			}
			key := what + "\x00" + u.Env + "\x00" + value
			if other, taken := first[key]; taken {
				p.errorf(places[i], fmt.Sprintf("users[%d]", i), "users[%d] has the same %s", other, what)
				continue
			}
			first[key] = i
		}
	}
}
