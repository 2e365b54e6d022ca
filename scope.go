package payonce

import "crypto/hmac"

// scope is what the provider dedupes within: the account and, where it counts, a credential.
type scope struct {
	// hash is keyed, because records keep it.
	hash []byte
	// credential is behind a function, where no fmt verb that walks through a client finds it.
	credential func() Secret
}

// scopesOf returns the scope that new operations begin in, and then those of old credentials, in which operations are finished.
func scopesOf(salt []byte, p *Profile) []scope {
	var scopes []scope
	for _, credential := range append([]Secret{p.Credential}, p.OldCredentials...) {
		scopes = append(scopes, scope{scopeOf(salt, p.Account, credential), func() Secret { return credential }})
	}
	return scopes
}

// scopeFor returns the scope that a record was begun in; false if this client has no credential for it.
func (c *Client) scopeFor(hash []byte) (scope, bool) {
	for _, s := range c.scopes {
		if hmac.Equal(s.hash, hash) {
			return s, true
		}
	}
	return scope{credential: func() Secret { return "" }}, false
}

// pinned says that a record was begun at this client's host, and in a scope that it has.
func (c *Client) pinned(rec *Record) bool {
	_, inScope := c.scopeFor(rec.Scope)
	return inScope && rec.Origin == c.origin
}
