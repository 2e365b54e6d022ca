package truelayer_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// grant answers every token request with the token.
func grant(token string) roundTrip {
	return answerJSON(http.StatusOK, `{"access_token":"`+token+`","expires_in":3600,"token_type":"Bearer"}`)
}

func answerJSON(status int, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
		}, nil
	}
}

// mint answers with a new token each time, "token-1", "token-2", …, after a while.
type mint struct {
	life  string
	takes time.Duration
	count atomic.Int32
}

func (m *mint) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/connect/token" {
		return nil, errors.New("not a token request")
	}
	n := m.count.Add(1)
	timer := time.NewTimer(m.takes)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-timer.C:
	}
	return answerJSON(http.StatusOK, `{"access_token":"token-`+string('0'+n)+`","expires_in":`+m.life+`,"token_type":"bearer","scope":"payments"}`)(r)
}

func TestTokenRequestIsAFormOverTheGivenClient(t *testing.T) {
	t.Parallel()
	var form url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/connect/token", r.URL.Path)
		assert.Empty(t, r.Header.Get("Authorization"), "credentials go into the form")
		assert.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
		assert.NoError(t, r.ParseForm())
		form = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"a-token","expires_in":3600,"token_type":"Bearer"}`)
	}))
	defer server.Close()
	p := newProvider(t, func(c *truelayer.Config) {
		c.BaseURL, c.AuthURL, c.Scope = server.URL, server.URL, "payments recurring_payments:sweeping"
	})
	token, err := p.Tokens()(t.Context(), server.Client())
	require.NoError(t, err)
	assert.Equal(t, "a-token", token.Reveal())
	assert.Equal(t, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret},
		"scope": {"payments recurring_payments:sweeping"},
	}, form)
}

func TestAHundredGoroutinesShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, m := newProvider(t), &mint{life: "3600", takes: time.Second}
		hc := &http.Client{Transport: m}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				token, err := p.Tokens()(t.Context(), hc)
				assert.NoError(t, err)
				assert.Equal(t, "token-1", token.Reveal())
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, m.count.Load())
	})
}

func TestTokenIsRenewedEarly(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for life, early := range map[time.Duration]time.Duration{
		time.Hour: 5 * time.Minute, 10 * time.Minute: time.Minute, time.Minute: 6 * time.Second, 24 * time.Hour: 5 * time.Minute,
	} {
		assert.Equal(t, now.Add(life-early), truelayer.RefreshTime(now, now.Add(life)), life)
	}
	assert.True(t, truelayer.RefreshTime(now, time.Time{}).IsZero(), "a token without a life is used once")

	synctest.Test(t, func(t *testing.T) {
		p, m := newProvider(t), &mint{life: "3600"}
		get := func() string {
			token, err := p.Tokens()(t.Context(), &http.Client{Transport: m})
			require.NoError(t, err)
			return token.Reveal()
		}
		assert.Equal(t, "token-1", get())
		pass(t, 54*time.Minute)
		assert.Equal(t, "token-1", get())
		pass(t, 2*time.Minute)
		assert.Equal(t, "token-2", get())
	})
}

// pass lets virtual time go by.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func TestATokenThatStillHoldsOutlivesAFailedRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		var fetches int
		var fail bool
		hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			fetches++
			if fail {
				return answerJSON(http.StatusServiceUnavailable, "")(r)
			}
			return grant("a-token")(r)
		})}
		get := p.Tokens()
		_, err := get(t.Context(), hc)
		require.NoError(t, err)
		fail = true
		pass(t, 56*time.Minute)
		for range 3 {
			token, err := get(t.Context(), hc)
			require.NoError(t, err)
			assert.Equal(t, "a-token", token.Reveal())
		}
		assert.Equal(t, 2, fetches, "a failed renewal is not repeated by every caller")
		pass(t, 5*time.Minute)
		_, err = get(t.Context(), hc)
		require.Error(t, err, "an expired token is of no use")
	})
}

func TestARefusedTokenIsReplacedOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, m := newProvider(t), &mint{life: "3600", takes: time.Second}
		hc := &http.Client{Transport: m}
		req := &payonce.Request{Method: http.MethodPost, Path: "/v3/payments", Key: "key"}
		refused, err := p.Authorize(t.Context(), hc, req, nil)
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				pass(t, time.Duration(i)*100*time.Millisecond) // some come while the fetch runs, some after it
				header, err := p.Authorize(t.Context(), hc, req, refused)
				assert.NoError(t, err)
				assert.Equal(t, "Bearer token-2", header.Get("Authorization"))
			})
		}
		all.Wait()
		assert.EqualValues(t, 2, m.count.Load())

		refused, err = p.Authorize(t.Context(), hc, req, nil)
		require.NoError(t, err)
		header, err := p.Authorize(t.Context(), hc, req, refused)
		require.NoError(t, err)
		assert.Equal(t, "Bearer token-3", header.Get("Authorization"), "the second token was refused too")
	})
}

func TestTheEndOfAContextEndsOnlyTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, m := newProvider(t), &mint{life: "3600", takes: 20 * time.Second}
		hc := &http.Client{Transport: m}
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Tokens()(ctx, hc)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, payonce.ErrInvalid)
		assert.Equal(t, time.Second, time.Since(started))

		token, err := p.Tokens()(t.Context(), hc)
		require.NoError(t, err)
		assert.Equal(t, "token-1", token.Reveal(), "the fetch went on and serves the next caller")
		assert.Equal(t, 20*time.Second, time.Since(started))

		_, err = p.Tokens()(ctx, hc)
		require.ErrorIs(t, err, context.DeadlineExceeded, "a dead context gets nothing")
	})
}

func TestAFetchThatHangsEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, m := newProvider(t), &mint{life: "3600", takes: time.Hour}
		started := time.Now()
		_, err := p.Tokens()(t.Context(), &http.Client{Transport: m})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(started))
	})
}

func TestTokenFailures(t *testing.T) {
	t.Parallel()
	const canary = "canary-" + clientSecret
	html := "<html>" + canary + "</html>"
	for name, tc := range map[string]struct {
		responder httpmock.Responder
		final     bool
		want      string
	}{
		"the client is unknown":   {httpmock.NewStringResponder(400, `{"error":"invalid_client","error_description":"`+canary+`"}`).HeaderSet(jsonHeader()), true, `client id "client_test_example" (status 400, invalid_client); check ClientID, ClientSecret and Scope`},
		"the scope is refused":    {httpmock.NewStringResponder(401, `{"error":"access_denied","error_details":{"reason":"`+canary+`"}}`).HeaderSet(jsonHeader()), true, "access_denied"},
		"the code is the secret":  {httpmock.NewStringResponder(421, `{"error":"`+clientSecret+`"}`).HeaderSet(jsonHeader()), true, "unknown_code"},
		"an odd error code":       {httpmock.NewStringResponder(400, `{"error":"`+canary+`"}`).HeaderSet(jsonHeader()), true, "unknown_code"},
		"an error under 200":      {httpmock.NewStringResponder(200, `{"error":"invalid_client"}`).HeaderSet(jsonHeader()), true, "invalid_client"},
		"HTML 500":                {httpmock.NewStringResponder(500, html), false, "status 500"},
		"the server's own 500":    {httpmock.NewStringResponder(500, `{"error":"internal_server_error"}`).HeaderSet(jsonHeader()), false, "internal_server_error"},
		"a temporary 400":         {httpmock.NewStringResponder(400, `{"error":"temporarily_unavailable"}`).HeaderSet(jsonHeader()), false, "status 400"},
		"429":                     {httpmock.NewStringResponder(429, `{"error":"invalid_request"}`).HeaderSet(jsonHeader()), false, "status 429"},
		"a proxy's 403":           {httpmock.NewStringResponder(403, html), false, "status 403"},
		"a redirect":              {httpmock.NewStringResponder(307, html).HeaderSet(http.Header{"Location": {"https://evil.example/connect/token"}}), false, "status 307"},
		"HTML 200":                {httpmock.NewStringResponder(200, html), false, "can't be read"},
		"an odd number":           {httpmock.NewStringResponder(200, `{"access_token":"x","expires_in":"`+canary+`"}`).HeaderSet(jsonHeader()), false, "can't be read"},
		"no token in it":          {httpmock.NewStringResponder(200, `{}`).HeaderSet(jsonHeader()), false, "can't be read"},
		"a token with a break":    {httpmock.NewStringResponder(200, `{"access_token":"`+canary+`\r\nx: y"}`).HeaderSet(jsonHeader()), false, "holds none that can be used"},
		"a token of another type": {httpmock.NewStringResponder(200, `{"access_token":"`+canary+`","token_type":"mac"}`).HeaderSet(jsonHeader()), false, "holds none that can be used"},
		"a network error":         {httpmock.NewErrorResponder(errors.New("connection refused")), false, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := httpmock.NewMockTransport()
			transport.RegisterResponder(http.MethodPost, "https://auth.truelayer-sandbox.com/connect/token", tc.responder)
			_, err := newProvider(t).Authorize(t.Context(), &http.Client{Transport: transport}, &payonce.Request{Method: http.MethodGet, Path: "/x"}, nil)
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, tc.final, errors.Is(err, payonce.ErrInvalid), "only the authorization server's own refusal is final: %v", err)
			assert.NotContains(t, err.Error(), clientSecret)
			assert.NotContains(t, err.Error(), "canary")
			assert.Equal(t, 1, transport.GetTotalCallCount())
		})
	}
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }
