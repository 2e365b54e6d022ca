package truelayer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// otherKeyID is a key that jwks.json does not have and otherKeys does.
const otherKeyID = "d3534b83-bdc7-4066-adb5-c8d4bf616601"

func otherKeys(tb testing.TB) []byte {
	tb.Helper()
	return serveKeys(tb, "ruby-missing-zero-padding-test-jwks.json").text
}

func TestKeysAreFetchedOnceInHalfAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := serveKeys(t, "jwks.json")
		w := hooks(t, truelayer.Sandbox, keys)
		assert.Zero(t, keys.asked.Load(), "nothing is asked before a delivery comes")
		for range 30 {
			key, err := w.WebhookKey(t.Context(), keyID)
			require.NoError(t, err)
			require.NotNil(t, key)
			pause(t, time.Minute)
		}
		assert.Equal(t, int32(1), keys.asked.Load(), "whatever Cache-Control says")
		_, err := w.WebhookKey(t.Context(), keyID)
		require.NoError(t, err)
		assert.Equal(t, int32(2), keys.asked.Load())
	})
}

func TestAnUnknownKeyIsAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := serveKeys(t, "jwks.json")
		w := hooks(t, truelayer.Sandbox, keys)
		for second := range 120 {
			for _, unknown := range []string{otherKeyID, "another", ""} {
				key, err := w.WebhookKey(t.Context(), unknown)
				require.NoError(t, err)
				require.Nil(t, key)
			}
			require.Equal(t, int32(1+second/60), keys.asked.Load(), "after %d s", second)
			pause(t, time.Second)
		}
		keys.text = otherKeys(t)
		key, err := w.WebhookKey(t.Context(), otherKeyID)
		require.NoError(t, err)
		assert.NotNil(t, key, "TrueLayer has changed its key")
		key, err = w.WebhookKey(t.Context(), keyID)
		require.NoError(t, err)
		assert.Nil(t, key, "and withdrawn the old one")
	})
}

func TestAKeyThatCantBeFetchedIsNoForgery(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		text   string
		want   string
	}{
		"an error":          {http.StatusInternalServerError, "", "status 500"},
		"a redirect":        {http.StatusFound, "", "status 302"},
		"a page":            {http.StatusOK, "<html>", "is not a JWKS"},
		"no keys":           {http.StatusOK, `{"keys":[]}`, "holds no P-521 key"},
		"nothing":           {http.StatusOK, ``, "is not a JWKS"},
		"other keys":        {http.StatusOK, `{"keys":[{"kty":"RSA","kid":"` + keyID + `"}]}`, "holds no P-521 key"},
		"too much":          {http.StatusOK, `{"keys":[],"x":"` + strings.Repeat("x", 64<<10) + `"}`, "more than 65536 bytes"},
		"less than a whole": {http.StatusOK, `{"keys":[`, "is not a JWKS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				keys := &keyServer{status: tc.status, text: []byte(tc.text)}
				w := hooks(t, truelayer.Sandbox, keys)
				for second := range 10 {
					_, err := w.WebhookKey(t.Context(), keyID)
					require.ErrorContains(t, err, tc.want)
					require.NotErrorIs(t, err, truelayer.ErrSignature)
					require.Equal(t, int32(1+second/5), keys.asked.Load())
					pause(t, time.Second)
				}
				keys.status, keys.text = http.StatusOK, serveKeys(t, "jwks.json").text
				key, err := w.WebhookKey(t.Context(), keyID)
				require.NoError(t, err)
				assert.NotNil(t, key)
			})
		})
	}
}

func TestAKeySetOutlivesAFailedLookForAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := serveKeys(t, "jwks.json")
		w := hooks(t, truelayer.Sandbox, keys)
		_, err := w.WebhookKey(t.Context(), keyID)
		require.NoError(t, err)
		keys.status = http.StatusBadGateway
		pause(t, 2*time.Minute)
		for range 50 {
			_, err = w.WebhookKey(t.Context(), otherKeyID)
			require.Error(t, err, "nobody knows")
			key, err := w.WebhookKey(t.Context(), keyID)
			require.NoError(t, err)
			require.NotNil(t, key)
			pause(t, time.Second)
		}
		assert.Equal(t, int32(2), keys.asked.Load())
		pause(t, 28*time.Minute)
		_, err = w.WebhookKey(t.Context(), keyID)
		require.ErrorContains(t, err, "status 502", "a set is not believed beyond its time")
	})
}

func TestAllDeliveriesShareOneFetchAndWaitOnTheirOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text, asked, release := serveKeys(t, "jwks.json").text, atomic.Int32{}, make(chan struct{})
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			select {
			case <-release:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
		})
		w, err := newProvider(t).Webhooks(truelayer.WebhookConfig{HTTPClient: &http.Client{Transport: slow}})
		require.NoError(t, err)

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = w.WebhookKey(short, keyID)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the first to ask gives up")
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				key, err := w.WebhookKey(t.Context(), keyID)
				assert.NoError(t, err)
				assert.NotNil(t, key)
			})
		}
		synctest.Wait()
		close(release)
		group.Wait()
		assert.Equal(t, int32(1), asked.Load(), "and does not end the fetch for the others")
	})
}

func TestAFetchOfKeysIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dead := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		broken := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
		cut := roundTrip(func(r *http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader(`{"keys"`), brokenReader{})
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body), Request: r}, nil
		})
		endless := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(blanks{}), Request: r}, nil
		})
		for want, transport := range map[string]http.RoundTripper{"deadline exceeded": dead, "no route": broken, "cut": cut, "more than": endless} {
			w, err := newProvider(t).Webhooks(truelayer.WebhookConfig{HTTPClient: &http.Client{Transport: transport}})
			require.NoError(t, err)
			began := time.Now()
			_, err = w.WebhookKey(t.Context(), keyID)
			require.ErrorContains(t, err, want)
			assert.LessOrEqual(t, time.Since(began), 10*time.Second)
		}
	})
}

// The fetch is on a goroutine of its own: a panic there would be the end of the process.
func TestAPanicOfTheTransportIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text, broken := serveKeys(t, "jwks.json").text, true
		w, err := newProvider(t).Webhooks(truelayer.WebhookConfig{HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if broken {
				panic("canary")
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
		})}})
		require.NoError(t, err)
		_, err = w.WebhookKey(t.Context(), keyID)
		require.ErrorContains(t, err, "panicked: string")
		assert.NotContains(t, err.Error(), "canary")
		_, err = w.Parse(delivery(t, "/hook", "/hook", aBody, sandboxHeader()), []byte(aBody))
		require.ErrorIs(t, err, payonce.ErrUnavailable, "no forgery")
		broken = false
		pause(t, 5*time.Second)
		_, err = w.WebhookKey(t.Context(), keyID)
		require.NoError(t, err)
	})
}

// blanks never end, up to a point at which a test had better not be.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	if len(p) > 1<<20 {
		return 0, errors.New("nobody has stopped reading")
	}
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("cut") }

func TestWebhooksAreVerifiedConcurrently(t *testing.T) {
	t.Parallel()
	live, _ := published(t)
	w := hooks(t, truelayer.Live, serveKeys(t, "jwks.json"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := w.Parse(live.request(), []byte(live.Body))
			assert.NoError(t, err)
		})
	}
	group.Wait()
}

func TestOneOddKeyDoesNotSpoilTheSet(t *testing.T) {
	t.Parallel()
	set := string(otherKeys(t))
	odd := strings.Replace(set, `"keys": [`, `"keys": [7,null,[],{"kid":7},{"kty":"EC","crv":"P-521","x":7},`, 1)
	require.NotEqual(t, set, odd)
	keys, err := truelayer.ParseKeySet([]byte(odd))
	require.NoError(t, err)
	assert.Len(t, keys, 1)
	keys, err = truelayer.ParseKeySet([]byte(strings.Replace(set, otherKeyID, "", 1)))
	require.NoError(t, err)
	assert.Empty(t, keys, "a key without an id is nobody's")
}

func FuzzJWKS(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := truelayer.ParseKeySet(text)
		if err != nil && len(keys) > 0 {
			t.Fatal("both keys and an error")
		}
		for id, key := range keys {
			if id == "" || key == nil || key.Curve != elliptic.P521() {
				t.Fatalf("no key: %q %v", id, key)
			}
			point, err := key.Bytes()
			require.NoError(t, err, "off the curve")
			_, err = ecdsa.ParseUncompressedPublicKey(elliptic.P521(), point)
			require.NoError(t, err)
		}
	})
}
