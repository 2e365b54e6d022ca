package payonce_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// TestAStrayAnswerIsNotTaken has a server that wrote its first answer twice. net/http hands the copy to the next request on the
// connection, without an error, if that request is on its way already.
func TestAStrayAnswerIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"told by its request id": "Request-Id", "told by its body": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, n := newBank(), 0
				b.profile = func(p *payonce.Profile) { p.RequestIDHeader = header }
				connection, _ := net.Pipe()
				answer := func(req *http.Request, id, body string) *http.Response {
					return response(req, 201, body, http.Header{"Request-Id": {id}})
				}
				c := newClient(t, b, memory(), func(cfg *payonce.Config) {
					cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
						httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{Conn: connection, Reused: true})
						if n++; n == 2 {
							return answer(req, "1", `{"id":"pay_1","status":"pending"}`), nil
						}
						res, err := b.RoundTrip(req)
						if err != nil {
							return nil, err
						}
						body, err := io.ReadAll(res.Body)
						return answer(req, strconv.Itoa(n), string(body)), err
					})}
				})
				for i, want := range []string{"pay_1", "pay_2"} {
					p, err := c.Payments.Create(t.Context(), order("order-"+strconv.Itoa(i)))
					require.NoError(t, err)
					assert.Equal(t, want, p.ID)
					assert.Equal(t, i+1, p.Receipt.Attempts, "the stray proves nothing, so it is asked for again")
				}
				assert.Equal(t, 2, b.moved())
			})
		})
	}
}

// The copy is a refusal, and the second request was executed.
func TestAStrayRefusalIsNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n := newBank(reply{status: 400, skip: true, body: `{"code":"bad"}`}), 0
		connection, _ := net.Pipe()
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{Conn: connection, Reused: true})
				res, err := b.RoundTrip(req)
				if n++; n == 2 {
					return response(req, 400, `{"code":"bad"}`, nil), err
				}
				return res, err
			})}
		})
		_, err := c.Payments.Create(t.Context(), order("order-0"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, 2, p.Receipt.Attempts)
		assert.Equal(t, 1, b.moved())
	})
}

// Whoever waited for the first answer has not looked at it yet when the second request has read the copy.
func TestWhoseAnAnswerIsGoesByTheOrderOnTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n, slow := newBank(), 0, make(chan struct{})
		connection, _ := net.Pipe()
		var first string
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{Conn: connection, Reused: true})
				res, err := b.RoundTrip(req)
				if err != nil {
					return nil, err
				}
				switch n++; n {
				case 1:
					body, err := io.ReadAll(res.Body)
					first = string(body)
					<-slow
					return response(req, 201, first, nil), err
				case 2:
					return response(req, 201, first, nil), nil
				}
				return res, nil
			})}
		})
		ids := make([]string, 2)
		var calls sync.WaitGroup
		for i := range ids {
			calls.Go(func() {
				p, err := c.Payments.Create(t.Context(), order("order-"+strconv.Itoa(i)))
				assert.NoError(t, err)
				if err == nil {
					ids[i] = p.ID
				}
			})
			synctest.Wait()
		}
		close(slow)
		calls.Wait()
		assert.Equal(t, []string{"pay_1", "pay_2"}, ids)
		assert.Equal(t, 2, b.moved())
	})
}
