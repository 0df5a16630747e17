package visitor

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
	"tcb-login/views"
)

// TestPerson: two accounts can be told apart by who looks over a shoulder without learning a number
// or an address, and a number is no name with an initial.
func TestPerson(t *testing.T) {
	t.Parallel()
	const number, masked = "+86 13800000000", "+86\u00a0138****0000"
	tests := []struct {
		me   authclient.UserInfo
		want views.Person
	}{
		{
			authclient.UserInfo{Sub: "1", Name: "韩梅梅", Username: "mei", PhoneNumber: number, Email: "meimei@example.com"},
			views.Person{Name: "韩梅梅", Initial: "韩", Details: []string{masked, "me***@example.com"}},
		},
		{authclient.UserInfo{Sub: "1", Name: "mei", Username: "mei"}, views.Person{Name: "mei", Initial: "M"}},
		{authclient.UserInfo{Sub: "1", Name: "Mei", Username: "meimei"}, views.Person{Name: "Mei", Initial: "M", Details: []string{"meimei"}}},
		{authclient.UserInfo{Sub: "1", PhoneNumber: number}, views.Person{Name: masked, Details: []string{}}},
		{
			authclient.UserInfo{Sub: "1", PhoneNumber: number, Email: "meimei@example.com"},
			views.Person{Name: "me***@example.com", Initial: "M", Details: []string{masked}},
		},
		{authclient.UserInfo{Sub: "1849755119840497664"}, views.Person{Name: "1849755119840497664"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, personOf(&tt.me)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.me, diff)
		}
	}
}
