package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFirstLineIsTheURL(t *testing.T) {
	t.Parallel()
	key := "../../../provider/truelayer/testdata/signing/ec512-public.pem"
	for name, args := range map[string][]string{
		"truelayer": {"-public-key", key, "-kid", "k"}, "miracle": {"-client-secret", "sk_test_example"}, "midaspay": {"-any-signature"}, "elebne": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			out, in := io.Pipe()
			done := make(chan error)
			go func() { done <- run(ctx, append(args, "-addr", "127.0.0.1:0", "-provider", name), in, io.Discard) }()
			url, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSpace(url)+"/simulator/ledger", nil)
			require.NoError(t, err)
			transport := &http.Transport{DisableKeepAlives: true}
			res, err := transport.RoundTrip(r)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.JSONEq(t, `{"entries":[]}`, string(body))
			stop()
			require.NoError(t, <-done)
		})
	}
}

func TestBadFlagsAreErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-fly"}, {"-addr", "nowhere:nothing"}, {"-public-key", "no such file"}, {"-public-key", "main.go"}, {"-provider", "nobody"},
	} {
		require.Error(t, run(t.Context(), args, io.Discard, io.Discard), args)
	}
}
