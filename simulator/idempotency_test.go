package simulator_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestSameRequestGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	first := m.post("/v3/payments", key(1), payment())
	second := m.post("/v3/payments", key(1), payment())
	assert.Equal(t, first.status, second.status)
	assert.Equal(t, first.body, second.body)
	assert.Equal(t, "false", first.header.Get("Tl-Should-Retry"))
	assert.Equal(t, "false", second.header.Get("Tl-Should-Retry"))
	assert.NotEqual(t, first.header.Get("Tl-Trace-Id"), second.header.Get("Tl-Trace-Id"))
	assert.Equal(t, 1, sim.Ledger().Count("payment"))

	log := sim.Requests()[1:]
	assert.True(t, log[0].Executed)
	assert.False(t, log[0].Replayed)
	assert.False(t, log[1].Executed)
	assert.True(t, log[1].Replayed)
	assert.Equal(t, key(1), log[1].Key)
	assert.Equal(t, http.StatusCreated, log[1].Status)
	assert.JSONEq(t, string(log[0].Body), string(log[1].Body))
}

func TestRefusalsFromBehindTheKeyCheckAreStored(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	bad := m.post("/v3/payments", key(1), payment(object{"currency": "XXX"}))
	require.Equal(t, http.StatusBadRequest, bad.status)
	assert.Equal(t, bad.body, m.post("/v3/payments", key(1), payment(object{"currency": "XXX"})).body, "trace_id included")

	id := m.pay(key(2))
	early := m.post("/v3/payments/"+id+"/refunds", key(3), object{"reference": "r"})
	require.Equal(t, http.StatusBadRequest, early.status)
	require.NoError(t, sim.Authorize(id))
	late := m.post("/v3/payments/"+id+"/refunds", key(3), object{"reference": "r"})
	assert.Equal(t, early.body, late.body, "the key remembers the refusal, whatever has changed")

	gone := m.post("/v3/payments/nobody/refunds", key(4), object{"reference": "r"})
	require.Equal(t, http.StatusNotFound, gone.status)
	assert.Empty(t, gone.header.Get("Tl-Should-Retry"), "documented without the header")
	gone = m.post("/v3/payments/nobody/actions/cancel", key(5), nil)
	assert.Equal(t, "false", gone.header.Get("Tl-Should-Retry"))
}

func TestKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	id := m.pay(key(1))
	for name, a := range map[string]answered{
		"another body":  m.post("/v3/payments", key(1), payment(object{"amount_in_minor": 5001})),
		"another path":  m.post("/v3/payouts", key(1), payment()),
		"another place": m.post("/v3/payments/"+id+"/actions/cancel", key(1), nil),
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, a.status, name)
		assert.Equal(t, "Idempotency-Key Reuse", a.text("title"), name)
		assert.Equal(t, "false", a.header.Get("Tl-Should-Retry"), name)
	}
	assert.Len(t, sim.Ledger().Entries(), 1)
}

func TestKeyIsInFlightWhileItExecutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator()
		m := inProcess(t, sim)
		sim.Script(simulator.HoldKey(10 * time.Second))
		var (
			group sync.WaitGroup
			first answered
		)
		group.Go(func() { first = m.post("/v3/payments", key(1), payment()) })
		synctest.Wait()
		second := m.post("/v3/payments", key(1), payment())
		assert.Equal(t, http.StatusConflict, second.status)
		assert.Equal(t, "Idempotency-Key Concurrency Conflict", second.text("title"))
		assert.Equal(t, "true", second.header.Get("Tl-Should-Retry"))
		other := m.post("/v3/payments", key(1), payment(object{"amount_in_minor": 1}))
		assert.Equal(t, http.StatusUnprocessableEntity, other.status)
		group.Wait()
		assert.Equal(t, first.body, m.post("/v3/payments", key(1), payment()).body)
		assert.Equal(t, 1, sim.Ledger().Count("payment"))
	})
}

func TestManyAtOnceExecuteOnce(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			a := m.post("/v3/payments", key(1), payment())
			assert.Contains(t, []int{http.StatusCreated, http.StatusConflict}, a.status)
		})
	}
	group.Wait()
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
	assert.Len(t, sim.Requests(), 21)
}

func TestKeysDieThirtyDaysAfterTheirFirstArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.TokenLife = 1000 * time.Hour })
		m := inProcess(t, sim)
		m.pay(key(1))
		pass(t, 30*24*time.Hour-time.Second)
		m.pay(key(1))
		assert.Equal(t, 1, sim.Ledger().Count("payment"))
		pass(t, time.Second)
		m.pay(key(1))
		assert.Equal(t, 2, sim.Ledger().Count("payment"), "the replay a second ago did not prolong it")
		sim.PruneKeys()
		m.pay(key(1))
		assert.Len(t, sim.Ledger().ByKey(key(1)), 3)
	})
}

func TestWithoutDedupeWhoSendsTwicePaysTwice(t *testing.T) {
	t.Parallel()
	sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.NoDedupe = true })
	m := inProcess(t, sim)
	first := m.pay(key(1))
	assert.NotEqual(t, first, m.pay(key(1)))
	assert.Len(t, sim.Ledger().ByKey(key(1)), 2)
}

func TestClockIsTheCallers(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 5, 7, 12, 0, 0, 0, time.UTC)
	sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.Now = func() time.Time { return now } })
	m := inProcess(t, sim)
	id := m.pay(key(1))
	assert.Equal(t, "2031-05-07T12:00:00.000000Z", m.get("/v3/payments/"+id).text("created_at"))
	assert.Equal(t, now, sim.Ledger().Entries()[0].Time)
	assert.Equal(t, now, sim.Requests()[0].Time)
}

func TestResetForgetsEverything(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	id := m.pay(key(1))
	sim.Script(simulator.Unavailable())
	sim.Reset()
	assert.Empty(t, sim.Ledger().Entries())
	assert.Empty(t, sim.Requests())
	assert.Equal(t, http.StatusUnauthorized, m.get("/v3/payments/"+id).status)
	m.token = m.newToken("payments")
	assert.Equal(t, http.StatusNotFound, m.get("/v3/payments/"+id).status)
	assert.NotEqual(t, id, m.pay(key(1)))
}
