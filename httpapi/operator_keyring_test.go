package httpapi

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestTheKeyringIsForThoseWhoHaveAKey(t *testing.T) {
	for _, c := range []struct {
		method, header, token, body string
		code                        int
		says                        string
		changes                     []string
	}{
		{"GET", "X-Consul-Token", "", "", 403, "token", nil},
		{"GET", "X-Consul-Token", "bmV3", "", 403, "token", nil},
		{"GET", "X-Consul-Token", "b2xk", "", 200, `"PrimaryKeys":{"b2xk":2},"NumNodes":2`, nil},
		{"GET", "Authorization", "Bearer b2xk", "", 200, `"bmV3":1`, nil},
		{"POST", "X-Consul-Token", "", `{"Key":"bmV3"}`, 403, "token", nil},
		{"POST", "X-Consul-Token", "b2xk", `{"Key":"bmV3"}`, 200, "", []string{"install bmV3"}},
		{"PUT", "Authorization", "Bearer b2xk", `{"Key":"bmV3"}`, 200, "", []string{"use bmV3"}},
		{"DELETE", "X-Consul-Token", "b2xk", `{"Key":"bmV3"}`, 200, "", []string{"remove bmV3"}},
		{"DELETE", "X-Consul-Token", "b2xk", `bmV3`, 400, "Key", nil},
		{"PATCH", "X-Consul-Token", "b2xk", `{"Key":"bmV3"}`, 405, "POST", nil},
	} {
		s, a := newTestServer(t)
		r := httptest.NewRequest(c.method, "/v1/operator/keyring", strings.NewReader(c.body))
		r.Header.Set(c.header, c.token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) || !slices.Equal(a.keyChanges, c.changes) {
			t.Errorf("%s with %q: %d %s, changes %q; want %d with %q, %q",
				c.method, c.token, w.Code, w.Body, a.keyChanges, c.code, c.says, c.changes)
		}
		if w.Code == http.StatusForbidden && strings.Contains(w.Body.String(), "b2xk") {
			t.Errorf("a refusal tells a key: %s", w.Body)
		}
	}
}
