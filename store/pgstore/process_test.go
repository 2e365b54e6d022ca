package pgstore_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/pgstore"
)

// workerVariable names URL and schema for a child process that works until it is killed.
const workerVariable = "PAYONCE_TEST_PGSTORE_WORKER"

// TestWorker is the child process.
func TestWorker(t *testing.T) {
	t.Parallel()
	url, schema, ok := strings.Cut(os.Getenv(workerVariable), " ")
	if !ok {
		return
	}
	store, err := pgstore.New(t.Context(), newPool(t, url), pgstore.WithSchema(schema))
	require.NoError(t, err)
	for n := 0; ; n++ {
		rec := record(fmt.Sprintf("child-%d", n))
		rec.Lease.For = 2 * time.Second
		_, err := store.Claim(t.Context(), rec)
		require.NoError(t, err)
		_, _ = fmt.Fprintf(os.Stdout, "claimed %s\n", rec.ID.Reference)
		if n%2 == 0 {
			continue
		}
		succeed(rec)
		require.NoError(t, store.Save(t.Context(), rec))
		_, _ = fmt.Fprintf(os.Stdout, "saved %s\n", rec.ID.Reference)
	}
}

// TestAProcessThatIsKilledLeavesWhatItWasTold kills a process that writes while another one does.
func TestAProcessThatIsKilledLeavesWhatItWasTold(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	store := openIn(t, newPool(t, host.URL()), host.Schema(t))
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWorker$")
	child.Env = append(os.Environ(), workerVariable+"="+host.URL()+" "+store.Schema())
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	told := map[string]int64{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, reference, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "claimed":
			told[reference] = 1
			operate(t, store, "beside "+reference)
		case "saved":
			told[reference] = 2
		}
		if len(told) == or(40, 400) {
			require.NoError(t, child.Process.Kill())
		}
	}
	require.Error(t, child.Wait())
	require.GreaterOrEqual(t, len(told), or(40, 400))
	for reference, version := range told {
		rec, err := store.Load(t.Context(), id(reference), 0)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, rec.Version, version, reference)
	}
	await(t, "its leases end by the server's clock", func() error {
		page, _, err := store.List(t.Context(), payonce.Filter{Account: account, Limit: 1000})
		for _, rec := range page {
			if rec.Lease.Live {
				return fmt.Errorf("%s is leased", rec.ID)
			}
		}
		return err
	})
}
