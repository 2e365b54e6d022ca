package simulator

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	tokenPath         = "/connect/token"
	correlationHeader = "X-Tl-Correlation-Id"

	// The API's words for a sandbox token on the live host are known, those for an
	// expired one are not: this follows the same form.
	tokenExpired = "Authorization: The JWT was not able to be validated: TokenExpired."
	tokenUnknown = "Authorization: The JWT was not able to be validated: InvalidToken."
)

// An accessToken is one bearer token: the client's, or one payment's.
type accessToken struct {
	client  string
	scopes  []string
	payment string // the payment that a resource token is limited to
	expires time.Time
}

// covers says whether the token's scope allows the request.
func (t *accessToken) covers(q *query) bool {
	if t.payment != "" || slices.Contains(t.scopes, "payments") {
		return true
	}
	switch path := q.endpoint.path; {
	case strings.Contains(path, "/refunds"):
		return slices.Contains(t.scopes, "payments:refund")
	case path == "/v3/payouts" && strings.Contains(string(q.body), `"business_account"`):
		return slices.Contains(t.scopes, "payments:payout:business_account")
	}
	return false
}

// issueToken is the authentication server's one endpoint: client credentials, in
// JSON or in a form.
func (s *TrueLayer) issueToken(cl *call) answer {
	if cl.Method != http.MethodPost {
		return authError("not_found", "")
	}
	fields, ok := tokenRequest(cl)
	if !ok {
		return authError("invalid_request", "the body is neither JSON nor a form")
	}
	for _, name := range []string{"grant_type", "client_id", "client_secret", "scope"} {
		if fields[name] == "" {
			return authError("invalid_request", name+" is missing")
		}
	}
	scopes := strings.Fields(fields["scope"])
	for _, scope := range scopes {
		if !slices.Contains(knownScopes(), scope) {
			return authError("invalid_request", "scope is unknown")
		}
	}
	switch {
	case fields["grant_type"] != "client_credentials":
		return authError("invalid_grant", "grant_type must be client_credentials")
	case fields["client_id"] != s.cfg.ClientID, fields["client_secret"] != s.cfg.ClientSecret:
		return authError("invalid_client", "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return authAnswer(http.StatusOK, map[string]any{
		"access_token": s.newToken(&accessToken{client: s.cfg.ClientID, scopes: scopes}),
		"expires_in":   int(s.cfg.TokenLife / time.Second),
		"token_type":   "Bearer",
		"scope":        strings.Join(scopes, " "),
	})
}

func knownScopes() []string {
	return []string{
		"payments", "recurring_payments:sweeping", "recurring_payments:commercial", "signupplus", "verification",
		"payouts", "paydirect", "payments:refund", "payments:payout:business_account", "payment_links",
		"payment_links:create", "mandates",
	}
}

// tokenRequest returns the fields of a token request.
func tokenRequest(cl *call) (map[string]string, bool) {
	media, _, _ := mime.ParseMediaType(cl.Header.Get("Content-Type"))
	fields := map[string]string{}
	if media != "application/x-www-form-urlencoded" {
		return fields, json.Unmarshal(cl.body, &fields) == nil
	}
	form, err := url.ParseQuery(string(cl.body))
	for name := range form {
		fields[name] = form.Get(name)
	}
	return fields, err == nil
}

// newToken returns a new bearer token. It looks like a JWT, but only the
// simulator can tell what it is good for. The caller holds mu.
func (s *TrueLayer) newToken(t *accessToken) string {
	encoding := base64.RawURLEncoding
	token := encoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." +
		encoding.EncodeToString([]byte(`{"iss":"payonce-simulator"}`)) + "." +
		encoding.EncodeToString(randomBytes(24))
	t.expires = s.now().Add(s.cfg.TokenLife)
	s.tokens[token] = t
	return token
}

// bearer returns the token of an Authorization header, or why there is none.
func (s *TrueLayer) bearer(authorization string) (t *accessToken, detail string) {
	scheme, value, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || value == "" {
		return nil, "A Bearer token must be provided in the Authorization header."
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t = s.tokens[value]
	switch {
	case t == nil:
		return nil, tokenUnknown
	case !s.now().Before(t.expires):
		return nil, tokenExpired
	}
	return t, ""
}

// RevokeTokens ends the life of every token issued so far: it answers 401 from
// now on.
func (s *TrueLayer) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		t.expires = time.Time{}
	}
}

// authError is an error in the authentication server's OAuth form.
func authError(code, description string) answer {
	body := map[string]any{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	return authAnswer(http.StatusBadRequest, body)
}

func authAnswer(status int, body map[string]any) answer {
	return answer{
		status: status,
		header: http.Header{
			"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, correlationHeader: {newTrace()},
		},
		body: encode(body),
	}
}
