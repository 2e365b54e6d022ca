package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/simulator"
)

// postgres is the server of the tests.
var postgres postgrestest.Shared

// tests are the package's, with the server that they share.
type tests struct{ *testing.M }

func (m tests) Run() int {
	defer postgres.Stop()
	return m.M.Run()
}

// TestMain is also where a worker begins, and ends.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		main()
		return
	}
	goleak.VerifyTestMain(tests{m})
}

func TestEachOrderIsPaidOnceWhileWorkersAreKilled(t *testing.T) {
	t.Parallel()
	require.NoError(t, watch(t.Context(), postgres.Server(t).URL(), 60))
}

func TestTheJudgeWantsAPaymentForEachOrder(t *testing.T) {
	t.Parallel()
	ledger := simulator.NewMiracle(simulator.MiracleConfig{}).Ledger()
	require.NoError(t, judge(ledger, nil, 0, 0))
	require.Error(t, judge(ledger, []string{"order-1"}, 1, 0), "not paid")
	require.Error(t, judge(ledger, nil, 1, 0), "not sold")
}

func TestWhatCanNotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	require.Error(t, watch(t.Context(), "", 0))
	require.ErrorContains(t, watch(t.Context(), "no url", 1), "-postgres wants a URL")
}
