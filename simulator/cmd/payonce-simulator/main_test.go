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
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error)
	key := "../../../provider/truelayer/testdata/signing/ec512-public.pem"
	go func() {
		done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-public-key", key, "-kid", "k", "-any-signature"}, in, io.Discard)
	}()
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
}

func TestBadFlagsAreErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-fly"}, {"-addr", "nowhere:nothing"}, {"-public-key", "no such file"}, {"-public-key", "main.go"},
	} {
		require.Error(t, run(t.Context(), args, io.Discard, io.Discard), args)
	}
}
