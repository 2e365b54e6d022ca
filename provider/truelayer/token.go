package truelayer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

const (
	// tokenTimeout bounds one fetch, which serves every caller that waits and so belongs to none of them.
	tokenTimeout = 30 * time.Second
	// tokenRetry is how long a token that still holds is used after a refresh failed.
	tokenRetry = 15 * time.Second
)

// token is an access token. From refreshAt on a new one is fetched before use; at expiresAt it is of no use any more.
type token struct {
	value                payonce.Secret
	refreshAt, expiresAt time.Time
}

// tokenSource shares one token among all goroutines of a provider. Source: https://docs.truelayer.com/docs/generate-a-payments-access-token.
type tokenSource struct {
	config clientcredentials.Config
	flight singleflight.Group

	mu      sync.Mutex
	current token
}

func newTokenSource(cfg *Config, authURL string) *tokenSource {
	scope := cfg.Scope
	if scope == "" {
		scope = "payments"
	}
	return &tokenSource{config: clientcredentials.Config{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret.Reveal(), TokenURL: authURL + "/connect/token",
		Scopes: strings.Fields(scope), AuthStyle: oauth2.AuthStyleInParams,
	}}
}

// get returns the current token, or a new one. All callers share one fetch; the end of ctx ends the wait, not the fetch.
func (s *tokenSource) get(ctx context.Context, hc *http.Client) (payonce.Secret, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if t := s.load(); time.Now().Before(t.refreshAt) {
		return t.value, nil
	}
	fetched := s.flight.DoChan("token", func() (any, error) { return s.refresh(context.WithoutCancel(ctx), hc) })
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("wait for an access token: %w", ctx.Err())
	case result := <-fetched:
		value, _ := result.Val.(payonce.Secret)
		return value, result.Err
	}
}

func (s *tokenSource) load() token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// discard drops the current token if it is the refused one, or if nobody knows which one was refused ("").
func (s *tokenSource) discard(refused payonce.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused == "" || s.current.value == refused {
		s.current = token{}
	}
}

// refresh fetches a token, unless another fetch just did. When that fails, a token that still holds does for a while.
func (s *tokenSource) refresh(ctx context.Context, hc *http.Client) (payonce.Secret, error) {
	old := s.load()
	if time.Now().Before(old.refreshAt) {
		return old.value, nil
	}
	fetched, err := s.fetch(ctx, hc)
	if now := time.Now(); err != nil && now.Before(old.expiresAt) {
		fetched, err = old, nil
		fetched.refreshAt = now.Add(min(tokenRetry, old.expiresAt.Sub(now)))
	}
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = fetched
	return fetched.value, nil
}

// fetch makes the token request.
func (s *tokenSource) fetch(ctx context.Context, hc *http.Client) (fetched token, err error) {
	defer func() {
		if p := recover(); p != nil { // in a goroutine of its own, where a caller's transport would take the process down
			err = fmt.Errorf("fetch an access token: the transport panicked: %T", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	direct := *hc
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	asked := time.Now()
	t, err := s.config.Token(context.WithValue(ctx, oauth2.HTTPClient, &direct))
	if err != nil {
		return token{}, s.explain(err)
	}
	if t.Type() != "Bearer" || !isToken(t.AccessToken) {
		return token{}, errors.New("fetch an access token: the authorization server's answer holds none that can be used")
	}
	return token{value: payonce.Secret(t.AccessToken), refreshAt: refreshTime(asked, t.Expiry), expiresAt: t.Expiry}, nil
}

// refreshTime is when 90 % of the life is over, but never more than 5 minutes early. An answer without a life is used once.
func refreshTime(asked, expiry time.Time) time.Time {
	life := expiry.Sub(asked)
	if expiry.IsZero() || life <= 0 {
		return time.Time{}
	}
	return asked.Add(max(life/10*9, life-5*time.Minute))
}

// isToken keeps what no header can hold out of one.
func isToken(value string) bool {
	return value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' })
}

// explain says what went wrong without the answer's text, which may repeat the secret. Only the authorization server's own refusal
// is ErrInvalid: asking again won't help.
func (s *tokenSource) explain(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status, code := refused.Response.StatusCode, oauthCode(refused.ErrorCode)
		if code == "" || isTemporary(status, code) {
			return fmt.Errorf("fetch an access token: the authorization server answered with status %d %s", status, code)
		}
		return &adapter.FieldError{Field: "access token", Text: fmt.Sprintf("the authorization server refused client id %q (status %d, %s); "+
			"check ClientID, ClientSecret and Scope, and that they belong to the environment of AuthURL", s.config.ClientID, status, code)}
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("fetch an access token: %w", failed.Err)
	}
	return errors.New("fetch an access token: the authorization server's answer can't be read")
}

// oauthCode lets only the codes through that OAuth (RFC 6749, sections 4.1.2.1 and 5.2; RFC 8628) and TrueLayer's description name:
// any other text may be the secret.
func oauthCode(code string) string {
	switch code {
	case "", "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
		"access_denied", "server_error", "temporarily_unavailable", "slow_down", "unauthorized", "internal_server_error", "not_found":
		return code
	}
	return "unknown_code"
}

func isTemporary(status int, code string) bool {
	switch code {
	case "internal_server_error", "server_error", "temporarily_unavailable", "slow_down":
		return true
	}
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}
